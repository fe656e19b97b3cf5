"""Whatever the replicas of an operator say in whatever order: the newest slice that can run runs in the end."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.snapshot import Snapshot, sealed, snapshot_bytes
from ccproxy_contract.stream import Ack, Current, Down, Reject, Slice, word_bytes
from ccproxy_runtime.config_offers import Offers
from ccproxy_runtime.freshness import REFUSE_OLDER_S, Running, older_kinds

Step = tuple[Literal["edit", "bad edit", "say", "drop", "wait", "rubbish"], int]
steps = st.lists(
    st.tuples(st.sampled_from(["edit", "edit", "bad edit", "say", "say", "say", "drop", "wait", "rubbish"]),
              st.integers(0, 7)),
    max_size=60,
)  # fmt: skip


class World:
    """Slices of rising versions, of which some cannot run; replicas that know all or only the first of them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.history = [made(0)]
        self.bad: set[str] = set()
        self.ran: list[str] = []
        self.client = Offers(self.take, running=Running(), clock_s=lambda: self.now_s)

    async def take(self, offer: Slice) -> Ack | Reject:
        if offer.hash in self.bad:
            return Reject(offer.hash, "it does not compile")
        self.ran.append(offer.hash)
        return Ack(offer.hash)

    def edit(self, *, bad: bool) -> None:
        self.history.append(made(len(self.history)))
        if bad:
            self.bad.add(self.history[-1].hash)

    async def say(self, version: int) -> None:
        """A replica that has seen everything up to `version` says what there is, as to a client that connects."""
        offer = self.history[version]
        same = offer.hash == self.client.freshness.running.hash
        word: Down = Current(offer.hash, {"RoutingPolicy": str(version)}) if same else offer
        await self.client.heard(word_bytes(word))

    @property
    def runs(self) -> int:
        hashes = [offer.hash for offer in self.history]
        return hashes.index(self.client.freshness.running.hash) if self.client.freshness.running.hash else -1

    @property
    def newest_good(self) -> int:
        return max(number for number, offer in enumerate(self.history) if offer.hash not in self.bad)


def made(version: int) -> Slice:
    snapshot = sealed(Snapshot(workload=f"Job/{version}", resource_versions={"RoutingPolicy": str(version)}))
    return Slice(snapshot.hash, msgspec.Raw(snapshot_bytes(snapshot)))


async def lived(world: World, steps: list[Step]) -> None:
    for what, number in steps:
        before, now_s = world.runs, world.now_s
        match what:
            case "edit" | "bad edit":
                world.edit(bad=what == "bad edit")
            case "say":
                await world.say(max(0, len(world.history) - 1 - number))
            case "drop":
                world.client.disconnected()
            case "wait":
                world.now_s += number
                await world.client.overdue()
            case "rubbish":
                assert await world.client.heard(b"{" * number) is None
        assert world.runs >= before or now_s >= REFUSE_OLDER_S


@given(steps)
def test_any_interleaving_ends_with_the_newest_slice_that_can_run(steps: list[Step]) -> None:
    async def run() -> None:
        world = World()
        await lived(world, steps)
        world.client.disconnected()
        for version in range(world.newest_good, len(world.history)):  # a replica that is up to date, and what is bad
            await world.say(version)
        assert world.runs == world.newest_good
        assert world.ran[-1:] == [world.history[world.newest_good].hash]

    asyncio.run(run())


@given(steps, st.integers(0, 5))
def test_older_slices_are_run_in_the_end_when_nothing_newer_comes(steps: list[Step], connections: int) -> None:
    async def run() -> None:
        world = World()
        await lived(world, steps)
        await world.say(world.newest_good)
        restored = made(0)
        for _ in range(connections):
            await world.client.heard(word_bytes(restored))
            world.client.disconnected()
            world.now_s += 10
        await world.client.heard(word_bytes(restored))
        world.now_s += REFUSE_OLDER_S
        await world.client.overdue()
        assert world.client.freshness.running.hash == restored.hash

    asyncio.run(run())


def test_versions_compare_as_numbers_per_kind() -> None:
    assert older_kinds({"Secret": "9", "Tenant": "10"}, {"Secret": "10", "Tenant": "9"}) == ["Secret"]
    assert older_kinds({"Secret": "100"}, {"Secret": "99"}) == []
    assert older_kinds({"Secret": "9"}, {"Tenant": "10"}) == []
    assert older_kinds({"Secret": "nine", "Tenant": ""}, {"Secret": "10", "Tenant": "1"}) == []


async def test_the_same_content_from_a_replica_that_lags_keeps_the_newer_versions() -> None:
    world = World()
    world.history = [made(5)]
    await world.say(0)
    await world.client.heard(word_bytes(Current(world.history[0].hash, {"RoutingPolicy": "3", "Secret": "8"})))
    assert world.client.freshness.running.versions == {"RoutingPolicy": "5", "Secret": "8"}


async def test_the_age_counts_from_the_moment_it_was_no_longer_known_to_be_the_newest() -> None:
    world = World()
    world.now_s = 7.0
    assert world.client.age_s() == 7.0
    await world.say(0)
    world.now_s = 100.0
    assert world.client.age_s() == 0.0
    world.client.disconnected()
    world.now_s = 130.0
    assert world.client.age_s() == 30.0


async def test_a_newer_slice_in_between_starts_the_five_minutes_anew() -> None:
    world = World()
    world.edit(bad=False)
    world.edit(bad=False)
    await world.say(1)
    await world.say(0)
    world.now_s = 100.0
    await world.say(2)
    world.now_s = REFUSE_OLDER_S + 1
    await world.say(1)
    assert world.runs == 2
    world.now_s += REFUSE_OLDER_S
    await world.client.overdue()
    assert world.runs == 1
    assert (world.client.freshness.refused, world.client.freshness.taken_older) == (2, 1)
