"""Roots and leaves over years: every leaf verifies for every client, whenever the operator was away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_operator.certificates.authority import Pair, certificates_in, new_leaf, new_root, read_pair, signed_by
from ccproxy_operator.certificates.plan import Roots, leaf_due, root_step, settled_roots
from ccproxy_operator.certificates.stored import names_of

START = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = names_of("ccproxy-operator", "ccproxy-system")


def verifies(leaf: Pair, trusted: str, now: datetime) -> bool:
    """As a TLS client does it: chain, dates, name, key usage."""
    store = Store(x509.load_pem_x509_certificates(trusted.encode()))
    name = x509.DNSName("ccproxy-operator.ccproxy-system.svc")
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(name)
    try:
        verifier.verify(x509.load_pem_x509_certificate(leaf.certificate.encode()), [])
    except VerificationError:
        return False
    return True


class World:
    """An operator that is sometimes away, one leaf, and clients that looked at the roots some time ago."""

    def __init__(self) -> None:
        self.roots: Roots | None = None
        self.leaf: Pair | None = None
        self.root_changes = 0

    def reconcile(self, now: datetime) -> None:
        before = self.roots.present.certificate if self.roots else ""
        recovered = self.trusted_by_leaf if self.roots is None else ""
        self.roots = settled_roots(self.roots, now, make=new_root, recovered=recovered)
        if leaf_due(self.leaf, NAMES, roots=self.roots, now=now):
            self.leaf = new_leaf(self.roots.present, NAMES, now)
        self.trusted_by_leaf = self.roots.trusted
        self.root_changes += before not in ("", self.roots.present.certificate)

    trusted_by_leaf = ""


@settings(max_examples=25, deadline=None)
@given(
    away_days=st.lists(st.integers(min_value=1, max_value=27), min_size=150, max_size=150),
    looks_back=st.lists(st.integers(min_value=0, max_value=2), min_size=150, max_size=150),
    lost_leaves=st.sets(st.integers(min_value=1, max_value=149), max_size=20),
)
def test_every_leaf_verifies_for_every_client_that_looked_within_thirty_days(
    away_days: list[int], looks_back: list[int], lost_leaves: set[int]
) -> None:
    world, now = World(), START
    seen: list[tuple[datetime, str]] = []
    for step, days in enumerate(away_days):
        if step in lost_leaves:
            world.leaf = None
        world.reconcile(now)
        assert world.roots is not None
        assert world.leaf is not None
        seen = [(at, trusted) for at, trusted in seen if now - at < 30 * DAY] + [(now, world.roots.trusted)]
        at_the_next_look = now + days * DAY - timedelta(seconds=1)
        held = seen[-1 - min(looks_back[step], len(seen) - 1)][1]
        assert verifies(world.leaf, held, now)
        assert verifies(world.leaf, seen[-1][1], at_the_next_look)
        now += days * DAY
    assert now - START < 3 * 365 * DAY or world.root_changes >= 1


@settings(max_examples=10, deadline=None)
@given(life_days=st.integers(min_value=1, max_value=1400))
def test_lost_roots_are_followed_without_a_client_that_notices(life_days: int) -> None:
    world, now = World(), START
    while now < START + life_days * DAY:
        world.reconcile(now)
        now += 5 * DAY
    held = world.trusted_by_leaf
    assert world.leaf is not None
    lives_on = world.leaf.ends - now > 60 * DAY
    world.roots = None
    world.reconcile(now)
    assert verifies(world.leaf, world.trusted_by_leaf, now)
    assert verifies(world.leaf, held, now) or not lives_on


def test_a_pod_that_was_injected_before_a_change_of_roots_trusts_what_signs_after_it() -> None:
    world, now = World(), START
    world.reconcile(now)
    snapshots = [world.trusted_by_leaf]
    while world.root_changes < 2:
        now += 10 * DAY
        world.reconcile(now)
        snapshots.append(world.trusted_by_leaf)
    assert world.leaf is not None
    assert not verifies(world.leaf, snapshots[0], now)
    assert verifies(world.leaf, snapshots[0] + snapshots[-2], now)


def test_a_root_is_shown_thirty_days_before_it_signs() -> None:
    roots = settled_roots(None, START, make=new_root)
    soon = roots.present.ends - 149 * DAY
    shown = settled_roots(roots, soon, make=new_root)
    assert shown.next is not None
    assert shown.present == roots.present
    assert shown.next.certificate in shown.trusted
    assert settled_roots(shown, soon + 29 * DAY, make=new_root) == shown
    signing = settled_roots(shown, soon + 31 * DAY, make=new_root)
    assert signing.present == shown.next
    assert signing.next is None
    assert roots.present.certificate in signing.trusted


def test_the_root_before_is_forgotten_when_it_has_ended() -> None:
    old, roots = new_root(START - 4 * 365 * DAY), settled_roots(None, START, make=new_root)
    both = replace(roots, previous=old.certificate)
    assert root_step(both, START) == "forget"
    assert settled_roots(both, START, make=new_root) == roots


def test_a_root_that_ended_while_nobody_ran_is_replaced_at_once() -> None:
    roots = settled_roots(None, START, make=new_root)
    later = roots.present.ends + DAY
    anew = settled_roots(roots, later, make=new_root)
    assert anew.present != roots.present
    assert anew.previous == ""


def test_nothing_is_due_twice() -> None:
    roots = settled_roots(None, START, make=new_root)
    leaf = new_leaf(roots.present, NAMES, START)
    assert settled_roots(roots, START, make=new_root) is roots
    assert leaf_due(leaf, NAMES, roots=roots, now=START) == ""


@pytest.mark.parametrize(("days", "due"), [(0, ""), (59, ""), (60, "expiring"), (90, "expiring")])
def test_a_leaf_is_renewed_thirty_days_before_its_end(days: int, due: str) -> None:
    roots = settled_roots(None, START, make=new_root)
    leaf = new_leaf(roots.present, NAMES, START)
    assert leaf_due(leaf, NAMES, roots=roots, now=START + days * DAY) == due


def test_a_leaf_of_a_strange_root_or_with_other_names_is_due() -> None:
    roots = settled_roots(None, START, make=new_root)
    strange = new_leaf(new_root(START), NAMES, START)
    assert leaf_due(strange, NAMES, roots=roots, now=START) == "untrusted"
    assert leaf_due(new_leaf(roots.present, ["x"], START), NAMES, roots=roots, now=START) == "names"
    assert leaf_due(None, NAMES, roots=roots, now=START) == "missing"


def test_keys_show_in_no_repr_and_no_error() -> None:
    root = new_root(START)
    other = new_root(START)
    assert "PRIVATE" not in repr(root)
    assert "PRIVATE" not in repr(Roots(present=root, next=other))
    for certificate, key in [(root.certificate, other.key), (root.certificate, "nonsense"), ("", root.key)]:
        with pytest.raises(ValueError, match="key") as refused:
            read_pair(certificate, key)
        assert "PRIVATE" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_pair_reads_back_as_it_was_made() -> None:
    root = new_root(START)
    leaf = new_leaf(root, NAMES, START)
    assert read_pair(leaf.certificate, leaf.key) == leaf
    assert leaf.names == NAMES
    assert signed_by(leaf.certificate, root.certificate)
    assert not signed_by(leaf.certificate, new_root(START).certificate)
    assert [pem for pem, _ in certificates_in(root.certificate + leaf.certificate)] == [
        root.certificate,
        leaf.certificate,
    ]
