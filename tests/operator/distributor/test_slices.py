"""Slices are encoded once for all who get the same, and hold prices only for those who lack them."""

from __future__ import annotations

from ccproxy_contract.features import FEATURES
from ccproxy_contract.snapshot import snapshot_from_stream
from ccproxy_contract.stream import Slice, down_from_bytes
from ccproxy_operator.distributor.pods import Pod
from ccproxy_operator.distributor.slices import ROOM, SETS, Slices
from tests.cluster.distributor.served import compiled, policy

POD = Pod("blue", "one", "u-1", {"app": "coder", "build": "1"}, "Deployment/coder")


def published(pods: int = 1) -> Slices:
    slices = Slices(lambda: 1.0, lambda _namespace: pods)
    slices.publish("blue", compiled("blue", policy("blue")), {"RoutingPolicy": "5"})
    return slices


def test_pods_that_agree_in_what_matters_share_one_slice() -> None:
    slices = published()
    first = slices.of(POD, FEATURES)
    assert first is not None
    assert slices.of(POD._replace(name="two", labels={"app": "coder", "build": "2"}), frozenset(FEATURES)) is first
    assert slices.made.value == 1


def test_another_workload_label_or_feature_is_another_slice() -> None:
    slices = published()
    first = slices.of(POD, FEATURES)
    others = [
        slices.of(POD._replace(workload="Deployment/other"), FEATURES),
        slices.of(POD._replace(labels={"app": "other"}), FEATURES),
        slices.of(POD, frozenset()),
    ]
    assert first is not None
    assert all(other is not None and other.hash != first.hash for other in others)
    assert all(other is not None and other is not first for other in others)


def test_features_that_nobody_asks_for_are_no_other_slice() -> None:
    slices = published()
    first = slices.of(POD, FEATURES)
    for number in range(100):
        assert slices.of(POD, FEATURES | {f"made-up-{number}"}) is first
    assert slices.made.value == 1


def test_a_pod_that_changes_its_labels_all_the_time_fills_no_memory_and_costs_others_nothing() -> None:
    slices = published(pods := 3 * ROOM)
    others = [POD._replace(uid=f"u-{number}", workload=f"Deployment/w-{number}") for number in range(pods)]
    for number in range(20 * ROOM):
        slices.of(POD._replace(labels={"app": f"x-{number}"}), FEATURES)
        if number % ROOM == 0:
            for other in others:
                slices.of(other, FEATURES)
    assert len(slices._namespaces["blue"].kept) <= 2 * pods
    assert slices.made.value == 20 * ROOM + pods


def test_sets_of_features_are_not_remembered_without_end() -> None:
    slices = published()
    for number in range(2 * SETS):
        slices._same(frozenset({str(number)}))
    assert len(slices._features) <= SETS


def test_a_namespace_that_was_never_published_has_no_slice() -> None:
    assert published().of(POD._replace(namespace="green"), FEATURES) is None


def test_retirement_and_the_next_root_change_every_slice() -> None:
    slices = published()
    hashes = [slices.of(POD, FEATURES)]
    slices.next_root("PEM")
    hashes.append(slices.of(POD, FEATURES))
    slices.retire()
    hashes.append(slices.of(POD, FEATURES))
    assert len({encoded.hash for encoded in hashes if encoded is not None}) == 3


def test_a_lean_slice_is_the_whole_one_for_who_knows_the_book() -> None:
    encoded = published().of(POD, FEATURES)
    assert encoded is not None
    whole, lean = down_from_bytes(encoded.frame), down_from_bytes(encoded.lean_frame)
    assert isinstance(whole, Slice)
    assert isinstance(lean, Slice)
    snapshot = snapshot_from_stream(bytes(whole.content))
    assert snapshot.book.version == encoded.book
    assert snapshot_from_stream(bytes(lean.content), known=snapshot.book) == snapshot
    assert len(encoded.lean_frame) < len(encoded.frame) / 5


def test_no_representation_shows_what_a_slice_holds() -> None:
    encoded = published().of(POD, FEATURES)
    assert "anthropic" not in repr(encoded)
