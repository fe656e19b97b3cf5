"""Who leads: what to do with the Lease that was just read. Pure; as client-go decides.

A Lease of another holder counts from when this replica saw it change, on its own clock: clocks of machines are never
compared. Must not do I/O. Next: `leadership.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

DURATION_S: Final = 10.0
RENEW_DEADLINE_S: Final = 7.0
RETRY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The Lease as this replica knows it: its holder, its resourceVersion and when (own clock) that version came."""

    holder: str = ""
    version: str = ""
    duration_s: float = DURATION_S
    since_s: float = 0.0


def seen(before: Seen, lease: dict[str, Any], now_s: float) -> Seen:
    """What is known after reading `lease`; its age goes on while its version stays."""
    version = str(lease["metadata"].get("resourceVersion", ""))
    spec = lease.get("spec") or {}
    return Seen(
        holder=str(spec.get("holderIdentity") or ""),
        version=version,
        duration_s=float(spec.get("leaseDurationSeconds") or DURATION_S),
        since_s=before.since_s if before.version == version else now_s,
    )


def may_take(known: Seen, identity: str, now_s: float) -> bool:
    """Nobody holds it, this replica does, or its holder has not renewed for its whole duration."""
    return known.holder in ("", identity) or now_s >= known.since_s + known.duration_s


def claimed(lease: dict[str, Any], identity: str, at: datetime) -> dict[str, Any]:
    """`lease` with this replica as its holder from `at`; its resourceVersion makes the write exclusive."""
    before = lease.get("spec") or {}
    taken = before.get("holderIdentity") != identity
    moment = _micro_time(at)
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(DURATION_S),
        "acquireTime": moment if taken else before.get("acquireTime", moment),
        "renewTime": moment,
        "leaseTransitions": int(before.get("leaseTransitions") or 0) + int(taken),
    }
    return lease | {"spec": spec}


def released(lease: dict[str, Any], at: datetime) -> dict[str, Any]:
    """`lease` without a holder: the next replica takes it at its next look."""
    spec = (lease.get("spec") or {}) | {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro_time(at)}
    return lease | {"spec": spec}


def _micro_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
