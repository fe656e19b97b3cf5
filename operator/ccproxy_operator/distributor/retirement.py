"""Before an uninstall every sidecar gets its last snapshot, on every replica; then it is told which workloads remain.

Must not remove anything. Next: `questions.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from ccproxy_contract.names import PATH_RETIRE
from ccproxy_operator.distributor.peers import Peers, Replica
from ccproxy_operator.distributor.pods import Pods
from ccproxy_operator.distributor.streams import Streams

WITHIN_S: Final = 20.0
LOOK_S: Final = 0.1
PEER_S: Final = WITHIN_S + 5.0


class Remaining(msgspec.Struct, frozen=True):
    """A workload whose pods still have sidecars; it must be rolled to be rid of them."""

    namespace: str
    workload: str
    pods: int


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """How far the last snapshot has come: `acknowledged` of `streams`; replicas that did not answer, by pod name."""

    streams: int
    acknowledged: int
    unreachable: tuple[str, ...] = ()
    remaining: tuple[Remaining, ...] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Retired)


def retired_bytes(retired: Retired) -> bytes:
    """The answer as JSON."""
    return _encoder.encode(retired)


async def acknowledged(streams: Streams, in_sync: Callable[[], int], *, clock_s: Callable[[], float]) -> Retired:
    """Wait until all streams of this replica run their last snapshot, at most 20 s."""
    ends_s = clock_s() + WITHIN_S
    while in_sync() < len(streams) and clock_s() < ends_s:  # noqa: ASYNC110 - streams come and go meanwhile
        await asyncio.sleep(LOOK_S)
    return Retired(streams=len(streams), acknowledged=in_sync())


async def everywhere(own: Awaitable[Retired], peers: Peers, pods: Pods) -> Retired:
    """Pass the word on to all other replicas; what all of them and this one (`own`) have come to."""
    await peers.look()
    replicas = peers.replicas
    here, *answers = await asyncio.gather(own, *(_passed_on(peers, replica) for replica in replicas))
    assert here is not None
    found = [here, *(answer for answer in answers if answer is not None)]
    return Retired(
        streams=sum(retired.streams for retired in found),
        acknowledged=sum(retired.acknowledged for retired in found),
        unreachable=tuple(replica.name for replica, answer in zip(replicas, answers, strict=True) if answer is None),
        remaining=remaining(pods),
    )


def remaining(pods: Pods) -> tuple[Remaining, ...]:
    """The workloads whose pods have sidecars, by namespace and name."""
    found: dict[tuple[str, str], int] = {}
    for pod in pods:
        key = (pod.namespace, pod.workload)
        found[key] = found.get(key, 0) + 1
    return tuple(Remaining(*key, number) for key, number in sorted(found.items()))


async def _passed_on(peers: Peers, replica: Replica) -> Retired | None:
    answer = await peers.ask(replica, "POST", path=PATH_RETIRE, within_s=PEER_S)
    if answer is None or answer[0] != 200:
        return None
    try:
        return _decoder.decode(answer[1])
    except ValueError:
        return None
