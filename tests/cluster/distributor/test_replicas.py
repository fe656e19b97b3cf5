"""Two replicas: the Lease holder hears both, a stopping one sends its clients on, and both retire together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from ccproxy_contract.names import PATH_ACKS, PATH_RETIRE
from ccproxy_operator.distributor.gathering import KEPT_S
from ccproxy_operator.distributor.peers import Replica
from ccproxy_operator.distributor.retirement import Remaining, Retired
from ccproxy_runtime.background import background
from tests.cluster.control_plane import ControlPlane
from tests.cluster.distributor.served import SYSTEM, Served, bound_token, compiled, make_pod, policy, served
from tests.waiting import until


class Two:
    """Replica A knows of B, and B's stack ends it."""

    def __init__(self, a: Served, b: Served, b_ends: AsyncExitStack) -> None:
        self.a, self.b, self.b_ends = a, b, b_ends

    def see(self, namespace: str, pod: str) -> None:
        for replica in (self.a, self.b):
            replica.see(namespace, pod)

    def publish(self, model: str) -> None:
        for replica in (self.a, self.b):
            replica.distributor.publish("blue", compiled("blue", policy("blue", model)), {})


@pytest.fixture
async def two(cluster: ControlPlane, tmp_path: Path) -> AsyncIterator[Two]:
    make_pod(cluster, SYSTEM, "operator-a", account="ccproxy-operator")
    token = bound_token(cluster, SYSTEM, "operator-a", account="ccproxy-operator")
    others: list[Replica] = []

    async def peers() -> list[Replica]:
        return others

    async def none() -> list[Replica]:
        return []

    async with served(cluster, tmp_path, own_token=token, peers=peers) as a, AsyncExitStack() as stack:
        b = await stack.enter_async_context(served(cluster, tmp_path, own_pod="operator-b", peers=none))
        others.append(Replica("operator-b", "127.0.0.1", b.port))
        yield Two(a, b, stack)


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir()
    return made


async def test_the_lease_holder_hears_what_sidecars_of_other_replicas_run(
    two: Two, cluster: ControlPlane, tmp_path: Path
) -> None:
    for pod in ("on-a", "on-b"):
        make_pod(cluster, "blue", pod)
        two.see("blue", pod)
    two.publish("claude-haiku-5-5")
    async with (
        two.a.sidecar(folder(tmp_path, "sa"), bound_token(cluster, "blue", "on-a")),
        two.b.sidecar(folder(tmp_path, "sb"), bound_token(cluster, "blue", "on-b")),
        background(two.a.distributor.gather()),
    ):
        await until(lambda: two.a.states() == {"on-a": "InSync", "on-b": "InSync"})
        assert two.b.states() == {"on-a": "Absent", "on-b": "InSync"}
        two.a.distributor.publish("blue", compiled("blue", policy("blue", "claude-opus-5-5")), {})
        await until(lambda: two.a.states() == {"on-a": "InSync", "on-b": "Stale"})
        two.publish("claude-opus-5-5")
        await until(lambda: two.a.states() == {"on-a": "InSync", "on-b": "InSync"})


async def test_the_last_word_of_an_unreachable_replica_is_kept_for_a_while(
    two: Two, cluster: ControlPlane, tmp_path: Path
) -> None:
    make_pod(cluster, "blue", "on-b")
    two.see("blue", "on-b")
    two.publish("claude-haiku-5-5")
    clock = Clock(two)
    async with two.b.sidecar(folder(tmp_path, "sb"), bound_token(cluster, "blue", "on-b")):
        await until(lambda: two.b.states() == {"on-b": "InSync"})
        await two.a.distributor._gathering.gather()
    await two.b_ends.aclose()
    await two.a.distributor._gathering.gather()
    assert two.a.states() == {"on-b": "InSync"}
    clock.later_s = KEPT_S + 1
    assert two.a.states() == {"on-b": "Absent"}


class Clock:
    """The gathering's clock, which can be put forward."""

    def __init__(self, two: Two) -> None:
        gathering = two.a.distributor._gathering
        self.later_s = 0.0
        before = gathering._clock_s
        gathering._clock_s = lambda: before() + self.later_s


async def test_a_stopping_replica_sends_its_clients_on_at_once(two: Two, cluster: ControlPlane, tmp_path: Path) -> None:
    make_pod(cluster, "blue", "moves")
    two.see("blue", "moves")
    two.publish("claude-haiku-5-5")
    async with two.b.sidecar(folder(tmp_path, "s"), bound_token(cluster, "blue", "moves")) as client:
        await until(lambda: two.b.states() == {"moves": "InSync"})
        client.stream._source = msgspec.structs.replace(client.stream._source, url=two.a.url)  # as a Service does
        await two.b_ends.aclose()
        await until(lambda: two.a.states() == {"moves": "InSync"})
        assert client.stream.connections == 2
        assert len(client.contents) == 1


@pytest.mark.parametrize(("path", "method"), [(PATH_ACKS, "GET"), (PATH_RETIRE, "POST")])
async def test_only_the_own_kind_may_ask_for_acks_or_retirement(
    two: Two, cluster: ControlPlane, path: str, method: str
) -> None:
    make_pod(cluster, "blue", "nosy", account="ccproxy-operator")
    two.see("blue", "nosy")
    token = bound_token(cluster, "blue", "nosy", account="ccproxy-operator")
    assert (await two.a.asked(path, token, method=method))[0] == 403
    assert (await two.a.asked(path, "", method=method))[0] == 401


async def test_before_an_uninstall_all_sidecars_of_all_replicas_get_a_last_snapshot(
    two: Two, cluster: ControlPlane, tmp_path: Path
) -> None:
    for pod in ("last-a", "last-b"):
        make_pod(cluster, "blue", pod)
        two.see("blue", pod)
    two.publish("claude-haiku-5-5")
    make_pod(cluster, SYSTEM, "hook", account="ccproxy-uninstall")
    hook = bound_token(cluster, SYSTEM, "hook", account="ccproxy-uninstall")
    async with (
        two.a.sidecar(folder(tmp_path, "sa"), bound_token(cluster, "blue", "last-a")) as one,
        two.b.sidecar(folder(tmp_path, "sb"), bound_token(cluster, "blue", "last-b")) as other,
    ):
        await until(lambda: one.snapshot is not None and other.snapshot is not None)
        status, body = await asyncio.wait_for(two.a.asked(PATH_RETIRE, hook, method="POST"), 30)
        assert status == 200
        retired = msgspec.json.decode(body, type=Retired)
        assert (retired.streams, retired.acknowledged, retired.unreachable) == (2, 2, ())
        assert retired.remaining == (Remaining("blue", "Pod/last-a", 1), Remaining("blue", "Pod/last-b", 1))
        for client in (one, other):
            assert client.snapshot is not None
            assert client.snapshot.retired
            assert client.snapshot.default is not None
