"""Which pods run what they should: every injected pod against the slice it should run now.

Pure. Must not write status. Next: `peers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from ccproxy_operator.distributor.acks import Known
from ccproxy_operator.distributor.pods import Pod, Pods
from ccproxy_operator.distributor.slices import Slices
from ccproxy_policy.cluster.workloads import LeftOut

State = Literal["InSync", "Stale", "Rejected", "Absent"]


class PodProgress(NamedTuple):
    """One injected pod. `Absent`: no replica has its stream. `Stale`: it runs an older slice, or none yet."""

    pod: Pod
    state: State
    wanted: str
    """Hash of its slice now; empty while its namespace is not compiled or its features are not known."""
    acked: str
    reason: str
    """Of a rejection."""
    at_ms: int
    """Unix milliseconds of its last word; 0: none."""
    left_out: tuple[LeftOut, ...]
    """Rules that its build cannot run."""
    build: str

    @property
    def name(self) -> str:
        """Of the pod."""
        return self.pod.name


class LedgerProgress(NamedTuple):
    """One ledger process by its pod's uid."""

    uid: str
    state: State
    reason: str


class Progress(NamedTuple):
    """How far the newest configuration has come: all injected pods, all connected ledgers."""

    sidecars: tuple[PodProgress, ...]
    ledgers: tuple[LedgerProgress, ...]


def sidecar_progress(pods: Pods, slices: Slices, words: Mapping[str, Known]) -> Iterator[PodProgress]:
    """One entry per injected pod."""
    for pod in pods:
        known = words.get(pod.uid)
        if known is None:
            yield PodProgress(pod, "Absent", "", "", "", 0, (), "")
            continue
        wanted = slices.of(pod, known.features)
        state = _state(known, wanted.hash if wanted is not None else "")
        reason = known.reason if state == "Rejected" else ""
        left_out = wanted.left_out if wanted is not None else ()
        hash = wanted.hash if wanted is not None else ""
        yield PodProgress(pod, state, hash, known.acked, reason, known.at_ms, left_out, known.build)


def ledger_progress(words: Mapping[str, Known], wanted: str) -> Iterator[LedgerProgress]:
    """One entry per connected ledger process; `wanted` is the hash of the accounts now."""
    for uid, known in words.items():
        yield LedgerProgress(uid, _state(known, wanted), known.reason)


def counts(entries: Iterable[PodProgress]) -> dict[State, int]:
    """How many pods are in each state."""
    found: dict[State, int] = {"InSync": 0, "Stale": 0, "Rejected": 0, "Absent": 0}
    for entry in entries:
        found[entry.state] += 1
    return found


def _state(known: Known, wanted: str) -> State:
    if wanted and known.acked == wanted:
        return "InSync"
    return "Rejected" if wanted and known.rejected == wanted else "Stale"
