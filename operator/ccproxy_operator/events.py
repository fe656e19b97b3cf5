"""Kubernetes Events of the operator: coded reasons on the objects that people look at, told once in a while only.

An Event's name follows from what it says, so the same one from another replica, or after a restart, counts up instead
of standing beside the first. The injector writes its own (`injector/events.py`). Must hold no secret and no prompt;
must never stop its caller: what cannot be written is counted. Next: `certificates/authority.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ccproxy_operator.api import ApiFailed
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.marks import OPERATOR
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

REPEAT_S: Final = 600.0
MAX_REMEMBERED: Final = 4096
MAX_MESSAGE_CHARS: Final = 1000
"""Kubernetes takes 1,024."""
_log = logger("events")

Reason = Literal["RepairEvicted", "RepairNotPossible", "RepairFailed"]


@dataclass(frozen=True)
class About:
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class Telling:
    """One thing to tell. `key` sets apart what has the same reason about the same object (a pod template)."""

    about: About
    reason: Reason
    message: str
    warning: bool = False
    key: str = ""

    @property
    def name(self) -> str:
        """Name of the Event: the same for the same thing."""
        said = "\0".join((self.about.uid, self.reason, self.key))
        words = re.sub(r"[^a-z0-9]+", "-", self.about.name[:200]).strip("-")  # nobody has looked at an owner's name
        return f"{words or 'owner'}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def event(telling: Telling, now_s: float, *, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """A core/v1 Event; `now_s` in Unix seconds, `before`: the one that is there already."""
    at, about = _timestamp(now_s), telling.about
    known = before or {}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": telling.name, "namespace": about.namespace},
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
        },
        "type": "Warning" if telling.warning else "Normal",
        "reason": telling.reason,
        "message": telling.message[:MAX_MESSAGE_CHARS],
        "source": {"component": OPERATOR},
        "reportingComponent": OPERATOR,
        "reportingInstance": OPERATOR,
        "firstTimestamp": known.get("firstTimestamp") or at,
        "lastTimestamp": at,
        "count": int(known.get("count") or 0) + 1,
    }


def first_told_s(found: dict[str, Any] | None) -> float | None:
    """When an Event was first told, in Unix seconds; None without one."""
    at = (found or {}).get("firstTimestamp")
    return datetime.fromisoformat(at).timestamp() if at else None


class Recorder:
    """Writes Events, each at most every ten minutes. `clock` answers Unix seconds."""

    def __init__(self, cluster: Cluster, *, registry: Registry, clock: Callable[[], float]) -> None:
        self._cluster, self._clock = cluster, clock
        self._told: OrderedDict[str, float] = OrderedDict()
        self._results = registry.counter("ccproxy_operator_events_total", "Events by what became of them.", ("result",))

    async def tell(self, telling: Telling) -> None:
        """Write it, unless the same was told lately. Never raises for a refusal."""
        now_s = self._clock()
        last_s = self._told.get(telling.name)
        if last_s is not None and 0 <= now_s - last_s < REPEAT_S:
            self._results.child("repeated").inc()
            return
        try:
            await self._cluster.apply(event(telling, now_s, before=await self._found(telling)))
        except ApiFailed as failed:
            self._results.child("failed").inc()
            _log.warning("event_not_written", reason=telling.reason, error=str(failed))
            return
        self._results.child("written").inc()
        self._told[telling.name] = now_s
        if len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)

    async def first_told_s(self, telling: Telling) -> float | None:
        """When any replica first told the same, as long as the cluster remembers: an hour. Raises: `ApiFailed`."""
        return first_told_s(await self._found(telling))

    async def _found(self, telling: Telling) -> dict[str, Any] | None:
        return await self._cluster.get("Event", telling.name, telling.about.namespace)


def _timestamp(now_s: float) -> str:
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
