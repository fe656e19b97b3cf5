"""Leads while this replica holds the Lease: starts the leader's duties when it is won, cancels them when it is lost.

A write starts only while `Leadership.remaining_s()` leaves room for it, and gets no more time than that: no two
replicas write at once. Must not know what the duties do. Next: `watched_kinds.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from ccproxy_operator.api import Api, ApiFailed, path_of
from ccproxy_operator.lease import DURATION_S, RENEW_DEADLINE_S, RETRY_S, Seen, claimed, may_take, released, seen
from ccproxy_operator.marks import OPERATOR
from ccproxy_runtime.logs import logger

LEASE_API = "coordination.k8s.io/v1"
ATTEMPT_S = 3.0
"""One request about the Lease; shorter than the renew deadline, so that a stalled one can be tried again."""
MARGIN_S = 1.0
"""What a write must leave of the Lease."""
_log = logger("leadership")


class Duty(Protocol):
    """A part of the leader; it learns from `Leadership.remaining_s` whether it may still write."""

    async def run(self) -> None:
        """Until cancelled; called anew each time the Lease is won."""
        ...


class Leadership:
    """One replica's part in the election. `identity` is unique among replicas."""

    def __init__(self, api: Api, *, namespace: str, identity: str, duties: Sequence[Duty] = ()) -> None:
        self._api = api
        self._identity = identity
        self._namespace = namespace
        self._duties = tuple(duties)
        self._known = Seen()
        self._renewed_s = 0.0
        self._lease: dict[str, Any] = {}
        self._working: asyncio.Task[None] | None = None

    @property
    def leading(self) -> bool:
        """True while a write may start."""
        return self._working is not None and _now_s() < self._renewed_s + RENEW_DEADLINE_S

    def remaining_s(self) -> float:
        """Seconds that a write which starts now may take; 0: this replica may not write."""
        return self._renewed_s + DURATION_S - MARGIN_S - _now_s() if self.leading else 0.0

    async def run(self) -> None:
        """Until cancelled: hold the Lease or wait for it; then release it."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(self._pause_s())
        finally:
            await self._resign()

    def _pause_s(self) -> float:
        """Until the next look: the usual pause, or until the Lease or the deadline runs out."""
        if self._working is not None:
            return min(RETRY_S, max(0.1, self._renewed_s + RENEW_DEADLINE_S - _now_s()))
        return min(RETRY_S, max(0.1, self._known.since_s + self._known.duration_s - _now_s()))

    def _attempt_s(self) -> float:
        left_s = self._renewed_s + RENEW_DEADLINE_S - _now_s()
        return min(ATTEMPT_S, max(0.5, left_s)) if self._working is not None else ATTEMPT_S

    async def _once(self) -> None:
        started_s = _now_s()
        try:
            won = await self._attempt()
        except ApiFailed as failed:
            _log.warning("lease_not_reached", reason=str(failed), leading=self._working is not None)
            won = None
        if won:
            self._renewed_s = started_s
            self._begin()
        elif won is False or _now_s() >= self._renewed_s + RENEW_DEADLINE_S:
            await self._end()

    async def _attempt(self) -> bool:
        """True: this replica holds the Lease; False: another does."""
        path = path_of(LEASE_API, "leases", self._namespace, name=OPERATOR)
        lease = self._lease if self._working is not None else await self._api.get(path, timeout_s=self._attempt_s())
        if lease is None:
            lease = {"apiVersion": LEASE_API, "kind": "Lease", "metadata": {"name": OPERATOR}}
            made = claimed(lease, self._identity, datetime.now(UTC))
            collection = path_of(LEASE_API, "leases", self._namespace)
            return self._taken(await self._api.create(collection, made, timeout_s=self._attempt_s()))
        self._known = seen(self._known, lease, _now_s())
        if not may_take(self._known, self._identity, _now_s()):
            return False
        mine = claimed(lease, self._identity, datetime.now(UTC))
        stored = await self._api.replace(path, mine, timeout_s=self._attempt_s())
        if stored is None and self._working is not None:  # somebody wrote to it: look again before giving up
            stored = await self._again(path)
        return self._taken(stored)

    async def _again(self, path: str) -> dict[str, Any] | None:
        lease = await self._api.get(path, timeout_s=self._attempt_s()) or {}
        if (lease.get("spec") or {}).get("holderIdentity") != self._identity:
            return None
        mine = claimed(lease, self._identity, datetime.now(UTC))
        return await self._api.replace(path, mine, timeout_s=self._attempt_s())

    def _taken(self, stored: dict[str, Any] | None) -> bool:
        if stored is None:
            return False
        self._lease = stored
        return True

    def _begin(self) -> None:
        if self._working is None:
            _log.info("leading", identity=self._identity)
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """All duties side by side; one that breaks is logged and started again after a pause."""
        await asyncio.gather(*(_kept_up(duty) for duty in self._duties))

    async def _end(self) -> None:
        working, self._working = self._working, None  # from here on nothing may start to write
        if working is None:
            return
        _log.warning("not_leading", identity=self._identity)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    async def _resign(self) -> None:
        held = self._working is not None
        await self._end()
        if held and self._lease:
            path = path_of(LEASE_API, "leases", self._namespace, name=OPERATOR)
            with contextlib.suppress(ApiFailed):  # then it runs out by itself
                await self._api.replace(path, released(self._lease, datetime.now(UTC)), timeout_s=self._attempt_s())


async def _kept_up(duty: Duty) -> None:
    while True:
        try:
            await duty.run()
            return
        except Exception as error:
            _log.error("duty_broke", duty=type(duty).__name__, error=type(error).__name__)
        await asyncio.sleep(RETRY_S)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
