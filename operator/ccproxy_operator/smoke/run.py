"""The test itself: make the objects, wait for the pod's end, look for its call in `/usage`, take all away again.

Must not look inside ccproxy: what a user can see is enough. Next: `../injector/__main__.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from ccproxy_contract.names import API_VERSION, AUDIENCE_LEDGER, CONTAINER, PATH_USAGE
from ccproxy_operator.api import Api, Object, path_of
from ccproxy_operator.smoke import objects
from ccproxy_operator.smoke.settings import Settings
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.tls import client_context

LOOK_S = 1.0
Say = Callable[[str], None]


class SmokeFailed(Exception):
    """What a user should look at, as a sentence."""


async def check(settings: Settings, api: Api, say: Say, *, where: str) -> None:
    """Raises: `SmokeFailed`, `ApiFailed`. `where` is the name of a namespace that is not there yet."""
    await api.create(path_of("v1", "namespaces"), objects.namespace(where))
    try:
        await _make(settings, api, where)
        await _within(settings.timeout_s, "the Job did not end in time", lambda: _ended(api, where))
        say("A pod was injected and its call was answered.")
        await _within(settings.timeout_s, "the call is not in /usage", lambda: _counted(settings, where))
        say("The call is in /usage.")
    finally:
        await api.delete(path_of("v1", "namespaces", "", name=where))


async def _make(settings: Settings, api: Api, where: str) -> None:
    await api.create(path_of("v1", "secrets", where), objects.secret(where, settings))
    await api.create(path_of(API_VERSION, "modelbackends", where), objects.backend(where, settings))
    await api.create(path_of(API_VERSION, "routingpolicies", where), objects.policy(where))
    await api.create(path_of("batch/v1", "jobs", where), objects.job(where, settings))


async def _ended(api: Api, where: str) -> bool:
    job = await api.get(path_of("batch/v1", "jobs", where, name=objects.NAME)) or {}
    status: Object = job.get("status") or {}
    if status.get("failed"):
        raise SmokeFailed("the pod ended without an answer to its call")
    if not status.get("succeeded"):
        return False
    pods, _ = await api.list(path_of("v1", "pods", where))
    if not any(_has_sidecar(pod) for pod in pods):
        raise SmokeFailed("the pod ran without a sidecar")
    return True


def _has_sidecar(pod: Object) -> bool:
    return any(container["name"] == CONTAINER for container in pod["spec"].get("initContainers") or ())


async def _counted(settings: Settings, where: str) -> bool:
    headers = {"authorization": f"Bearer {projected_token(settings.tokens / AUDIENCE_LEDGER)}"}
    trust = client_context(settings.root_file.read_text())
    url = f"{settings.books_url}{PATH_USAGE}?group_by=namespace"
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers, ssl=trust) as answer,
        ):
            found = await answer.json() if answer.status == 200 else {}
    except (aiohttp.ClientError, OSError, ValueError):  # not yet: the caller asks again until its time is up
        return False
    return any(group.get("namespace") == where for group in found.get("groups", ()))


async def _within(timeout_s: float, otherwise: str, look: Callable[[], Awaitable[bool]]) -> None:
    ends_s = time.monotonic() + timeout_s
    while not await look():
        if time.monotonic() > ends_s:
            raise SmokeFailed(otherwise)
        await asyncio.sleep(LOOK_S)
