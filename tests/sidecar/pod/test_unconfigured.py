"""Before the first snapshot calls wait, or pass on the client's own key where the pod asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ccproxy_contract.names import PATH_HEALTH, PATH_READY
from tests.fakes.operator.server import FakeOperator
from tests.fakes.pod import PodSidecar, pod_sidecar
from tests.fakes.provider.process import RunningProvider
from tests.fakes.sidecar import PROVIDER_KEY
from tests.fakes.spooled import settled
from tests.fakes.tls_files import Root
from tests.sidecar.pod.slices import renaming
from tests.sidecar.serving.calls import PATHS, chat, gemini, messages, post, responses

BOOT = str(Path(__file__).with_name("boot_without_internet.py"))
NOBODY = "wss://localhost:1"


@asynccontextmanager
async def passing(folder: Path, provider: RunningProvider, root: Root, url: str = NOBODY) -> AsyncIterator[PodSidecar]:
    sidecar = PodSidecar(folder, operator_url=url, root=root.pem, CCPROXY_NO_CONFIG="pass")
    try:
        await sidecar.start(boot=(BOOT, provider.url))
        yield sidecar
    finally:
        await sidecar.kill()


async def test_calls_wait_for_the_first_snapshot(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        assert (await sidecar.status(PATH_HEALTH), await sidecar.status(PATH_READY)) == (200, 503)
        waiting = asyncio.create_task(post(f"{sidecar.url}/v1/messages", messages()))
        await operator.until(lambda: bool(operator.hellos))
        await operator.publish(renaming(provider.url, "claude-haiku-5-5", "10"))
        answer = await waiting
        assert (answer.status, answer.headers["x-ccproxy-target"]) == (200, "anthropic/claude-haiku-5-5")
        assert await sidecar.status(PATH_READY) == 200


@pytest.mark.slow
async def test_a_call_that_waited_in_vain_is_told_what_to_do_in_its_own_shape(root: Root, tmp_path: Path) -> None:
    async with pod_sidecar(tmp_path, operator_url=NOBODY, root=root.pem) as sidecar:
        asked = (
            post(f"{sidecar.url}/v1/messages", messages(), {"anthropic-version": "2023-06-01"}),
            post(f"{sidecar.url}/v1/chat/completions", chat()),
        )
        of_anthropic, of_openai = await asyncio.gather(*asked)
    assert (of_anthropic.status, of_openai.status) == (503, 503)
    assert of_anthropic.json["type"] == "error"
    for message in (of_anthropic.json["error"]["message"], of_openai.json["error"]["message"]):
        assert "ccproxy-operator" in message
        assert "ccproxy.ai/no-config: pass" in message
    assert of_openai.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("path", "body", "header"),
    [
        (PATHS["messages"], messages(), {"x-api-key": PROVIDER_KEY}),
        (PATHS["chat"], chat(), {"authorization": f"Bearer {PROVIDER_KEY}"}),
        (PATHS["responses"], responses(), {"authorization": f"Bearer {PROVIDER_KEY}"}),
        (PATHS["gemini"].format(model="gemini-3-flash"), gemini(), {"x-goog-api-key": PROVIDER_KEY}),
    ],
)
async def test_a_passing_call_goes_to_its_own_provider_on_its_own_key(
    *, path: str, body: dict[str, Any], header: dict[str, str], provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    none = {name: "" for name in ("x-api-key",) if name not in header}
    async with passing(tmp_path, provider, root) as sidecar:
        assert await sidecar.status(PATH_READY) == 200
        answer = await post(sidecar.url + path, body, none | header)
        assert answer.status == 200, answer.body
        assert await sidecar.metric("ccproxy_unconfigured_calls_total") == 1
    assert [seen.key for seen in provider.calls()] == [PROVIDER_KEY]
    event = settled(sidecar.spool)[0]
    assert (event.namespace, event.workload, event.tenant, event.cost_pusd) == ("shop", "Pod/coder-1", "none", None)
    assert event.usage.input > 0


@pytest.mark.parametrize(
    ("path", "body", "header"),
    [
        (PATHS["messages"], messages(), {"x-api-key": "ccproxy"}),
        (PATHS["messages"], messages(), {"authorization": "Bearer ccproxy", "x-api-key": "ccproxy"}),
        (PATHS["chat"], chat(), {"authorization": "Bearer ccproxy"}),
        (PATHS["chat"], chat(), {"api-key": "ccproxy"}),
        (PATHS["gemini"].format(model="gemini-3-flash"), gemini(), {"x-goog-api-key": "ccproxy"}),
        (PATHS["gemini"].format(model="gemini-3-flash") + "?key=ccproxy", gemini(), {}),
    ],
)
async def test_a_placeholder_never_passes(
    *, path: str, body: dict[str, Any], header: dict[str, str], provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    async with passing(tmp_path, provider, root) as sidecar:
        answer = await post(sidecar.url + path, body, {"x-api-key": ""} | header)
    assert answer.status == 401
    assert "set the provider's key in the program, or wait until ccproxy's operator has answered" in str(answer.json)
    assert answer.headers["x-should-retry"] == "false"
    assert provider.calls() == []


async def test_the_first_snapshot_ends_the_passing(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    async with passing(tmp_path, provider, root, operator.url) as sidecar:
        first = renaming(provider.url, "claude-haiku-5-5", "10")
        await operator.until(lambda: bool(operator.hellos))
        await operator.publish(first)
        await operator.acked(first.hash)
        answer = await post(f"{sidecar.url}/v1/messages", messages(), {"x-api-key": "ccproxy"})
        assert answer.headers["x-ccproxy-target"] == "anthropic/claude-haiku-5-5"
        assert await sidecar.metric("ccproxy_unconfigured_calls_total") == 0
    assert [seen.key for seen in provider.calls()] == [PROVIDER_KEY]
