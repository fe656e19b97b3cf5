"""A sidecar process takes its snapshot from an operator over TLS, and serves from the last good one without it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccproxy_contract.names import PATH_READY
from ccproxy_contract.prices import Clause, ModelPrices, price_book
from ccproxy_contract.snapshot import Match, Target, lean_bytes
from ccproxy_contract.stream import CLOSE_GOING, Ack, Reject, Slice
from ccproxy_sidecar.last_good import kept
from tests.conftest import free_port
from tests.fakes.operator.server import FakeOperator, fake_operator
from tests.fakes.pod import PodSidecar, pod_sidecar
from tests.fakes.provider.process import RunningProvider
from tests.fakes.sidecar import routing_rule
from tests.fakes.tls_files import Root, made_root
from tests.sidecar.pod.slices import pod_slice, pod_snapshot, renaming
from tests.sidecar.serving.calls import messages, post


async def routed_to(sidecar: PodSidecar) -> str:
    """The model that a call goes to now."""
    answer = await post(f"{sidecar.url}/v1/messages", messages())
    assert answer.status == 200, answer.body
    return str(answer.headers["x-ccproxy-target"]).partition("/")[2]


async def test_an_edit_is_live_when_it_is_acknowledged(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = first = renaming(provider.url, "claude-haiku-5-5", "10")
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        await operator.acked(first.hash)
        assert await routed_to(sidecar) == "claude-haiku-5-5"
        second = renaming(provider.url, "claude-opus-5-5", "11")
        await operator.publish(second)
        await operator.acked(second.hash)
        assert await routed_to(sidecar) == "claude-opus-5-5"
        assert await sidecar.metric("ccproxy_config_connected") == 1
        assert await sidecar.metric("ccproxy_config_taken_total") == 2
    assert "then.route" in operator.hellos[0].features
    assert operator.hellos[0].build
    assert operator.sent_tokens == ["token-for-ccproxy-config"]


async def test_a_slice_that_does_not_compile_is_rejected_with_a_sentence_and_without_secrets(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = first = renaming(provider.url, "claude-haiku-5-5", "10")
    rule = routing_rule("broken", Match(models=("re:(sk-ant-secret1234",)), Target(backend="anthropic"))
    bad = pod_slice(provider.url, rules=(rule,), resource_versions={"RoutingPolicy": "11"})
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        await operator.acked(first.hash)
        await operator.publish(bad)
        await operator.until(lambda: len(operator.answers) == 2)
        assert await routed_to(sidecar) == "claude-haiku-5-5"
    rejection = operator.answers[1]
    assert isinstance(rejection, Reject)
    assert (rejection.hash, rejection.reason.startswith("rule broken: models:")) == (bad.hash, True)
    assert "sk-ant" not in rejection.reason
    assert "sk-ant-secret" not in sidecar.log.read_text()
    assert "sk-scripted" not in sidecar.log.read_text()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"version":2}', "version 2"),
        (b'{"backends":[{"name":"a"}]}', "cannot be read"),
        (b'{"hash":"sha256:other"}', "another hash"),
        (b'{"hash":"sha256:said","nextRoot":"no certificate"}', "nextRoot"),
    ],
)
async def test_a_slice_that_cannot_be_is_rejected(
    operator: FakeOperator, root: Root, tmp_path: Path, content: bytes, why: str
) -> None:
    operator.offer = Slice("sha256:said", msgspec.Raw(content))
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        await operator.until(lambda: len(operator.answers) == 1)
        assert await sidecar.status(PATH_READY) == 503
        assert not sidecar.snapshot.exists()
    assert isinstance(operator.answers[0], Reject)
    assert why in operator.answers[0].reason


async def test_a_killed_sidecar_serves_from_its_last_good_file_while_nobody_answers(
    leaf: Path, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    port = free_port()
    first = renaming(provider.url, "claude-haiku-5-5", "10")
    async with fake_operator(leaf, port=port) as operator:
        operator.offer = first
        sidecar = PodSidecar(tmp_path, operator_url=operator.url, root=root.pem)
        await sidecar.start()
        await operator.acked(first.hash)
        await sidecar.kill()
    assert sidecar.snapshot.stat().st_mode & 0o777 == 0o600
    try:
        await sidecar.start()  # operator and API server are away
        await sidecar.until(PATH_READY, 200)
        assert await routed_to(sidecar) == "claude-haiku-5-5"
        async with fake_operator(leaf, port=port) as operator:  # back with something newer
            operator.offer = second = renaming(provider.url, "claude-opus-5-5", "11")
            await operator.acked(second.hash)
            assert operator.hellos[0].running == first.hash
            assert await routed_to(sidecar) == "claude-opus-5-5"
    finally:
        await sidecar.kill()


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 100, None])
async def test_a_damaged_last_good_file_is_loud_and_the_operator_mends_it(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path, damage: bytes | None
) -> None:
    operator.offer = first = renaming(provider.url, "claude-haiku-5-5", "10")
    sidecar = PodSidecar(tmp_path, operator_url=operator.url, root=root.pem)
    await sidecar.start()
    await operator.acked(first.hash)
    await sidecar.kill()
    whole = sidecar.snapshot.read_bytes()
    sidecar.snapshot.write_bytes(whole.replace(b"haiku", b"sonic") if damage is None else damage)
    try:
        await sidecar.start()
        await operator.until(lambda: operator.answers == [Ack(first.hash), Ack(first.hash)])
        assert operator.hellos[1].running == ""
        assert sidecar.logged("last_good_damaged")
        assert await routed_to(sidecar) == "claude-haiku-5-5"
        assert sidecar.snapshot.read_bytes() == whole
    finally:
        await sidecar.kill()


async def test_a_memory_volume_that_takes_nothing_costs_only_the_restart(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = first = renaming(provider.url, "claude-haiku-5-5", "10")
    nowhere = {"CCPROXY_SNAPSHOT": str(tmp_path / "missing" / "snapshot.json")}
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem, **nowhere) as sidecar:
        await operator.acked(first.hash)
        assert await routed_to(sidecar) == "claude-haiku-5-5"
        assert await sidecar.metric("ccproxy_snapshots_unkept_total") == 1


async def test_a_pod_trusts_the_next_root_once_its_snapshot_names_it(
    leaf: Path, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    port, next_root = free_port(), made_root(tmp_path / "next", "next root")
    async with fake_operator(leaf, port=port) as operator:
        operator.offer = first = pod_slice(provider.url, next_root=next_root.pem)
        sidecar = PodSidecar(tmp_path, operator_url=operator.url, root=root.pem)
        await sidecar.start()
        await operator.acked(first.hash)
        await operator.close(CLOSE_GOING)
    try:
        async with fake_operator(next_root.leaf(tmp_path / "new", "localhost"), port=port) as operator:
            await operator.until(lambda: len(operator.hellos) == 1)
    finally:
        await sidecar.kill()


async def test_prices_that_are_known_need_not_be_sent_and_are_kept_all_the_same(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    opus = ModelPrices(id="opus", match=Clause("equals", "claude-opus-5-5"), periods=())
    book = price_book({"anthropic": (opus,)})
    first, second = pod_slice(provider.url, book=book), pod_snapshot(provider.url, book=book, tenant="other")
    lean = Slice(second.hash, msgspec.Raw(lean_bytes(second)))
    sidecar = PodSidecar(tmp_path, operator_url=operator.url, root=root.pem)
    try:
        await sidecar.start()
        await operator.until(lambda: bool(operator.hellos))
        await operator.publish(lean)  # nothing runs yet: the prices are not known
        await operator.until(lambda: len(operator.answers) == 1)
        await operator.publish(first)
        await operator.acked(first.hash)
        await operator.publish(lean)
        await operator.acked(second.hash)
    finally:
        await sidecar.kill()
    assert isinstance(operator.answers[0], Reject)
    restored = kept(sidecar.snapshot).snapshot
    assert restored is not None
    assert (restored.hash, restored.tenant, restored.book.keys) == (second.hash, "other", book.keys)


async def test_a_retired_snapshot_goes_on_routing_and_says_so(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = last = pod_slice(provider.url, retired=True)
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        await operator.acked(last.hash)
        assert await sidecar.metric("ccproxy_retired") == 1
        assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200


async def test_explain_reads_the_last_good_file_of_its_own_environment(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = first = renaming(provider.url, "claude-haiku-5-5", "10")
    async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar:
        await operator.acked(first.hash)
        sidecar.environment.pop("CCPROXY_EXIT_WITH_PARENT")
        asked = await explained(sidecar, msgspec.json.encode(messages()))
    assert asked["outcome"]["rule"] == "to-claude-haiku-5-5"
    assert asked["snapshot"] == first.hash


async def explained(sidecar: PodSidecar, body: bytes) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ccproxy_sidecar.explain", "--json", "-", env=sidecar.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(body)
    assert process.returncode == 0
    return msgspec.json.decode(out)
