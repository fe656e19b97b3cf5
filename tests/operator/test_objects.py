"""The world ends up as the cluster is, in whatever order events come and whatever a closed watch missed."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_operator.objects import World
from ccproxy_operator.watched_kinds import KINDS
from ccproxy_policy.cluster.objects import Key


class Recorded:
    """What the world told."""

    def __init__(self) -> None:
        self.changes: list[Key] = []
        self.restatements: list[Key] = []

    def changed(self, key: Key) -> None:
        self.changes.append(key)

    def restated(self, key: Key) -> None:
        self.restatements.append(key)


def _policy(name: str, version: int, *, uid: str = "", generation: int = 1, status: object = None) -> dict[str, Any]:
    metadata = {
        "name": name, "namespace": "a", "uid": uid or name, "generation": generation, "resourceVersion": str(version),
    }  # fmt: skip
    return {"kind": "RoutingPolicy", "metadata": metadata, "spec": {"priority": generation}, "status": status or {}}


def _world() -> tuple[World, Recorded]:
    told = Recorded()
    return World(told), told


def test_a_change_of_the_status_alone_keeps_the_document_and_is_no_change() -> None:
    world, told = _world()
    world.put("RoutingPolicy", _policy("p", 1))
    before = world.find("RoutingPolicy", "a", "p")
    world.put("RoutingPolicy", _policy("p", 2, status={"observedGeneration": 1}))
    assert world.find("RoutingPolicy", "a", "p") is before
    assert told.changes == [("RoutingPolicy", "a", "p")]
    assert told.restatements == [("RoutingPolicy", "a", "p")]


def test_an_older_event_does_not_undo_a_newer() -> None:
    world, _ = _world()
    world.put("RoutingPolicy", _policy("p", 5, generation=2))
    assert not world.put("RoutingPolicy", _policy("p", 4))
    known = world.known(("RoutingPolicy", "a", "p"))
    assert known is not None
    assert known.generation == 2


def test_the_deletion_of_an_earlier_object_leaves_its_successor() -> None:
    world, _ = _world()
    world.put("RoutingPolicy", _policy("p", 5, uid="new"))
    assert not world.remove("RoutingPolicy", _policy("p", 4, uid="old")["metadata"])
    assert world.find("RoutingPolicy", "a", "p") is not None


def test_what_a_list_no_longer_names_is_gone_and_late_events_do_not_bring_it_back() -> None:
    world, told = _world()
    world.put("RoutingPolicy", _policy("kept", 1))
    world.put("RoutingPolicy", _policy("gone", 2))
    gone = world.listed("RoutingPolicy", {("a", "kept"): 1}, 10)
    assert [one.uid for one in gone] == ["gone"]
    assert told.changes[-1] == ("RoutingPolicy", "a", "gone")
    assert not world.put("RoutingPolicy", _policy("gone", 3))
    assert world.own_keys("a") == [("RoutingPolicy", "a", "kept")]


def test_what_came_after_the_list_was_made_stays() -> None:
    world, _ = _world()
    world.put("RoutingPolicy", _policy("young", 11))
    assert world.listed("RoutingPolicy", {}, 10) == []


def test_the_world_is_complete_when_every_listed_object_of_every_kind_has_come() -> None:
    world, _ = _world()
    for kind in KINDS:
        if kind != "RoutingPolicy":
            world.listed(kind, {}, 5)
    assert world.missing() == {"RoutingPolicy": -1}
    world.listed("RoutingPolicy", {("a", "p"): 3, ("a", "q"): 4}, 5)
    world.put("RoutingPolicy", _policy("p", 3))
    assert world.missing() == {"RoutingPolicy": 1}
    world.remove("RoutingPolicy", _policy("q", 6)["metadata"])
    assert world.complete
    assert world.missing() == {}


def test_a_bookmark_moves_the_version_that_slices_carry() -> None:
    world, _ = _world()
    world.put("RoutingPolicy", _policy("p", 3))
    world.reached("RoutingPolicy", 90)
    world.reached("Secret", 40)
    assert world.resource_versions()["RoutingPolicy"] == "90"
    assert world.resource_versions()["Secret"] == "40"
    assert "Pod" not in world.resource_versions()


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=30), st.randoms(), st.integers(0, 30))
def test_any_order_of_events_and_lists_ends_in_the_truth(
    history: list[tuple[str, bool]], shuffled: random.Random, missed: int
) -> None:
    """Objects come, change and go; a watch misses the first events, lists, then shows the rest out of order."""
    world, _ = _world()
    alive: dict[str, dict[str, Any]] = {}
    events: list[tuple[bool, dict[str, Any]]] = []
    listed: tuple[dict[tuple[str, str], int], int] = ({}, 0)
    for version, (name, deleting) in enumerate(history, start=1):
        if deleting and name in alive:
            gone = alive.pop(name)
            gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(version)}}
            events.append((True, gone))
        else:
            before = alive.get(name)
            uid = before["metadata"]["uid"] if before else f"{name}{version}"
            alive[name] = _policy(name, version, uid=uid, generation=version)
            events.append((False, alive[name]))
        if version == missed:
            at = {("a", one): int(obj["metadata"]["resourceVersion"]) for one, obj in alive.items()}
            listed = (at, version)
            snapshot = list(alive.values())
    if missed <= len(history) and missed:
        for late in (event for event in events[:missed] if not event[0] and shuffled.random() < 0.3):
            world.put("RoutingPolicy", late[1])
        world.listed("RoutingPolicy", *listed)
        shuffled.shuffle(snapshot)
        for obj in snapshot:
            world.put("RoutingPolicy", obj)
        events = events[missed:]
    _by_object_in_order(world, events, shuffled)
    assert {key[2] for key in world.own_keys("a")} == set(alive)
    for name, obj in alive.items():
        known = world.known(("RoutingPolicy", "a", name))
        assert known is not None
        assert (known.uid, known.version) == (obj["metadata"]["uid"], int(obj["metadata"]["resourceVersion"]))


def _by_object_in_order(world: World, events: list[tuple[bool, dict[str, Any]]], shuffled: random.Random) -> None:
    """As kopf does: events of one uid in order, those of different uids in any."""
    queues: dict[str, list[tuple[bool, dict[str, Any]]]] = {}
    for event in events:
        queues.setdefault(event[1]["metadata"]["uid"], []).append(event)
    while queues:
        uid = shuffled.choice(sorted(queues))
        deleted, obj = queues[uid].pop(0)
        if not queues[uid]:
            del queues[uid]
        if deleted:
            world.remove("RoutingPolicy", obj["metadata"])
        else:
            world.put("RoutingPolicy", obj)
