"""Certificates on a real API server: made, kept whole, renewed under a server that never restarts."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ccproxy_operator.api import Api
from ccproxy_operator.certificates.keeper import Certificates, utc_now
from ccproxy_operator.certificates.served import OwnLeaf
from ccproxy_operator.certificates.stored import SERVERS, leaf_in, roots_in, secret_name, texts, trusted_roots
from ccproxy_operator.cluster import Cluster
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.tls import client_context, follow_certificate, server_context
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace, reached

DAY = timedelta(days=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


def keeper(api: Api, namespace: str, clock: Clock | None = None) -> Certificates:
    return Certificates(Cluster(api), namespace=namespace, registry=Registry(), clock=clock or Clock(), look_s=0.1)


async def secrets(api: Api, namespace: str) -> dict[str, dict[str, Any]]:
    found = await Cluster(api).list("Secret", namespace)
    return {secret["metadata"]["name"]: secret for secret in found}


async def test_every_server_gets_its_secret_and_a_second_look_changes_nothing(cluster: ControlPlane) -> None:
    async with reached(cluster) as api:
        namespace = new_namespace(cluster)
        await keeper(api, namespace).look()
        made = await secrets(api, namespace)
        assert set(made) == {"ccproxy-root", *(secret_name(server) for server in SERVERS)}
        assert {secret["type"] for secret in made.values()} == {"kubernetes.io/tls"}
        leaf = leaf_in(made["ccproxy-ledger-tls"])
        assert leaf is not None
        assert {f"ccproxy-ledger.{namespace}.svc", f"*.ccproxy-ledger.{namespace}.svc"} <= leaf.names
        await keeper(api, namespace).look()
        assert await secrets(api, namespace) == made


@pytest.mark.parametrize(
    "harm",
    [
        ("delete", "secret", "ccproxy-operator-tls"),
        ("patch", "secret", "ccproxy-operator-tls", "-p", '{"data":{"tls.key":"bm9uc2Vuc2U="}}'),
        ("patch", "secret", "ccproxy-operator-tls", "-p", '{"data":{"ca.crt":null}}'),
        ("patch", "secret", "ccproxy-operator-tls", "-p", '{"data":{"tls.crt":"/w=="}}'),
    ],
    ids=["deleted", "broken key", "no roots", "no text"],
)
async def test_a_harmed_leaf_comes_back(cluster: ControlPlane, harm: tuple[str, ...]) -> None:
    async with reached(cluster) as api:
        namespace = new_namespace(cluster)
        await keeper(api, namespace).look()
        before = await secrets(api, namespace)
        cluster.kubectl("-n", namespace, *harm)
        async with background(keeper(api, namespace).run()):
            while True:
                secret = (await secrets(api, namespace)).get("ccproxy-operator-tls")
                if leaf_in(secret) is not None and trusted_roots(secret) == trusted_roots(before["ccproxy-root"]):
                    break
                await asyncio.sleep(0.05)
        after = await secrets(api, namespace)
        assert after["ccproxy-root"] == before["ccproxy-root"]
        assert after["ccproxy-injector-tls"] == before["ccproxy-injector-tls"]


async def test_a_secret_of_another_type_is_replaced(cluster: ControlPlane) -> None:
    async with reached(cluster) as api:
        namespace = new_namespace(cluster)
        for name in ("ccproxy-root", "ccproxy-ledger-tls"):
            cluster.kubectl("-n", namespace, "create", "secret", "generic", name, "--from-literal=x=y")
        await keeper(api, namespace).look()
        made = await secrets(api, namespace)
        assert roots_in(made["ccproxy-root"]) is not None
        assert leaf_in(made["ccproxy-ledger-tls"]) is not None


async def test_lost_roots_are_followed_and_what_is_served_still_verifies(cluster: ControlPlane) -> None:
    async with reached(cluster) as api:
        namespace = new_namespace(cluster)
        await keeper(api, namespace).look()
        before = await secrets(api, namespace)
        cluster.kubectl("-n", namespace, "delete", "secret", "ccproxy-root")
        await keeper(api, namespace).look()
        after = await secrets(api, namespace)
        old_root, leaf = trusted_roots(before["ccproxy-root"]), texts(before["ccproxy-operator-tls"])["tls.crt"]
        assert trusted_roots(after["ccproxy-root"]) != old_root
        assert trusted_roots(after["ccproxy-root"]).endswith(old_root)
        assert texts(after["ccproxy-operator-tls"])["tls.crt"] == leaf
        assert trusted_roots(after["ccproxy-operator-tls"]) == trusted_roots(after["ccproxy-root"])


async def test_a_server_takes_renewed_leaves_and_new_roots_without_a_restart(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    async with reached(cluster) as api, AsyncExitStack() as stack:
        namespace, clock, now = new_namespace(cluster), Clock(), utc_now()
        certificates = keeper(api, namespace, clock)

        async def look(days_ago: int) -> str:
            clock.now = now - days_ago * DAY
            await certificates.look()
            return trusted_roots((await secrets(api, namespace))["ccproxy-root"])

        await look(1000)
        first_root = await look(89)
        port = await serving(OwnLeaf(Cluster(api), namespace=namespace, folder=tmp_path, look_s=0.05), tmp_path, stack)
        first = await served_certificate(port, first_root, namespace)
        both_roots = await look(31)
        assert both_roots != first_root
        await look(28)
        renewed = await another_certificate(port, first_root, namespace, first)
        await look(0)
        of_the_next_root = await another_certificate(port, both_roots, namespace, renewed)
        assert len({first, renewed, of_the_next_root}) == 3
        with pytest.raises(ssl.SSLCertVerificationError):
            await served_certificate(port, first_root, namespace)


async def serving(own: OwnLeaf, folder: Path, stack: AsyncExitStack) -> int:
    """A TLS server on the operator's leaf; its port."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    await stack.enter_async_context(background(own.run()))
    context = server_context(await own.ready())
    server = await asyncio.start_server(hang_up, ssl=context, host="127.0.0.1")
    await stack.enter_async_context(server)
    await stack.enter_async_context(background(follow_certificate(context, folder, poll_s=0.05)))
    return int(server.sockets[0].getsockname()[1])


async def another_certificate(port: int, roots: str, namespace: str, known: bytes) -> bytes:
    """The first one that is not `known`."""
    while True:
        shown = await served_certificate(port, roots, namespace)
        if shown != known:
            return shown
        await asyncio.sleep(0.05)


async def served_certificate(port: int, roots: str, namespace: str) -> bytes:
    """What a client that trusts `roots` alone is shown. Raises: `ssl.SSLError` when it does not verify."""
    name = f"ccproxy-operator.{namespace}.svc"
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(roots), server_hostname=name)
    shown = writer.get_extra_info("ssl_object")
    assert isinstance(shown, ssl.SSLObject)
    certificate = shown.getpeercert(binary_form=True)
    writer.close()
    assert certificate is not None
    return certificate


async def test_no_key_is_logged(cluster: ControlPlane, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with reached(cluster) as api:
        namespace = new_namespace(cluster)
        await keeper(api, namespace).look()
        keys = [texts(secret)["tls.key"] for secret in (await secrets(api, namespace)).values()]
    said = json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert "leaf_issued" in said
    assert not [key for key in keys if key.splitlines()[1] in said]
