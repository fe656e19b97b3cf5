"""What must happen to roots and leaves at one instant; pure, the same answer for the same state.

A root signs for three years less 120 days. The next one is made 30 days before it signs, and both are trusted from
then on; the one before stays trusted until it ends. So at every instant every leaf that is served verifies against
what a client holds, if the client looked at the trusted roots at least once in the last 30 days.
Must not reach the cluster. Next: `stored.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from ccproxy_operator.certificates.authority import Pair, certificates_in, signed_by

PUBLISHED_BEFORE = timedelta(days=30)
"""A root is shown to clients this long before it signs."""
NEXT_ROOT_BEFORE = timedelta(days=150)
"""The next root is made when the present one has this long to live: 30 days shown, then a leaf's whole life and a
month to spare, so that no leaf is ever cut short by its root."""
LAST_DAYS = timedelta(days=7)
"""A root this near its end (the operator was away for months) signs nothing more, whether or not the next was shown."""
RENEW_BEFORE = timedelta(days=30)

RootStep = Literal["keep", "make", "make-next", "promote", "forget"]
LeafDue = Literal["", "missing", "names", "expiring", "untrusted", "root-changed"]


@dataclass(frozen=True)
class Roots:
    """`present` signs. `next` signs later. `previous` (PEM, any number) signed before. All are trusted."""

    present: Pair
    next: Pair | None = None
    previous: str = ""

    @property
    def trusted(self) -> str:
        """PEM of every root that a client has to trust now, the one that signs first."""
        following = self.next.certificate if self.next else ""
        return self.present.certificate + following + self.previous


def root_step(roots: Roots | None, now: datetime) -> RootStep:
    """The one thing to do next about the roots."""
    if roots is None:
        return "make"
    ending = roots.present.ends - now <= LAST_DAYS
    if roots.next is not None:
        shown_enough = now - roots.next.published >= PUBLISHED_BEFORE
        return "promote" if ending or shown_enough else _forget_or_keep(roots, now)
    if ending:
        return "make"
    if roots.present.ends - now <= NEXT_ROOT_BEFORE:
        return "make-next"
    return _forget_or_keep(roots, now)


def roots_after(
    step: RootStep, roots: Roots | None, now: datetime, *, make: Callable[[datetime], Pair], recovered: str = ""
) -> Roots:
    """Carry out one step. `recovered` (PEM): roots that leaves still name when the roots themselves are lost."""
    if roots is None:
        return Roots(present=make(now), previous=_unended(recovered, now))
    if step == "make":
        return Roots(present=make(now), previous=_unended(roots.trusted, now))
    if step == "make-next":
        return replace(roots, next=make(now))
    if step == "promote" and roots.next is not None:
        old = roots.present.certificate + roots.previous
        return Roots(present=roots.next, previous=_unended(old, now))
    return replace(roots, previous=_unended(roots.previous, now))


def settled_roots(
    roots: Roots | None, now: datetime, *, make: Callable[[datetime], Pair], recovered: str = ""
) -> Roots:
    """The roots after every step that is due; the same object when none is."""
    while (step := root_step(roots, now)) != "keep":
        roots = roots_after(step, roots, now, make=make, recovered=recovered)
    assert roots is not None
    return roots


def leaf_due(leaf: Pair | None, names: Iterable[str], *, roots: Roots, now: datetime) -> LeafDue:
    """Why this leaf must be issued anew; empty: it stays."""
    if leaf is None:
        return "missing"
    if leaf.names != frozenset(names):
        return "names"
    if leaf.ends - now <= RENEW_BEFORE:
        return "expiring"
    if signed_by(leaf.certificate, roots.present.certificate):
        return ""
    if not any(signed_by(leaf.certificate, root) for root, _ in certificates_in(roots.trusted)):
        return "untrusted"
    return "root-changed" if now - roots.present.published >= PUBLISHED_BEFORE else ""


def _forget_or_keep(roots: Roots, now: datetime) -> RootStep:
    return "forget" if _unended(roots.previous, now) != roots.previous else "keep"


def _unended(bundle: str, now: datetime) -> str:
    return "".join(root for root, ends in certificates_in(bundle) if ends > now)
