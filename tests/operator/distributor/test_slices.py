"""Slices are encoded once for all who get the same, and hold prices only for those who lack them."""

from __future__ import annotations

from ccproxy_contract.features import FEATURES
from ccproxy_contract.snapshot import snapshot_from_stream
from ccproxy_contract.stream import Slice, down_from_bytes
from ccproxy_operator.distributor.pods import Pod
from ccproxy_operator.distributor.slices import Slices
from tests.cluster.distributor.served import compiled, policy

POD = Pod("blue", "one", "u-1", {"app": "coder", "build": "1"}, "Deployment/coder")


def published() -> Slices:
    slices = Slices(lambda: 1.0)
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
