"""The leader's duty: status as it should be, by server-side apply, only on change, at most 16 writes at once.

What only counts sidecars anew is written at most every 30 s. A write starts only with enough of the Lease left.
Must not decide what a status says (`judgement.py` does). Next: `../duties.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ccproxy_contract.names import API_VERSION
from ccproxy_operator.api import Api, ApiFailed, path_of
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.objects import Known
from ccproxy_operator.status.conditions import figures_only, merged, same
from ccproxy_operator.status.judgement import Verdict
from ccproxy_operator.watched_kinds import KINDS
from ccproxy_policy.cluster.objects import Key
from ccproxy_runtime.logs import logger

WRITERS: Final = 16
FIGURES_S: Final = 30.0
RETRY_S: Final = 2.0
WRITE_S: Final = 5.0
"""What a status write may take, of the Lease too."""
_log = logger("status")


class StatusWriter:
    """`wanted` gives an object's conditions (None: nothing to say yet), `known` the object as the watches show it.

    `remaining_s` tells how long a write that starts now may take; 0: this replica does not lead.
    """

    def __init__(
        self,
        api: Api,
        *,
        wanted: Callable[[Key], Verdict | None],
        known: Callable[[Key], Known | None],
        remaining_s: Callable[[], float],
        metrics: OperatorMetrics,
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._known = known
        self._remaining_s = remaining_s
        self._metrics = metrics
        self._due: dict[Key, float] = {}
        self._written: dict[Key, tuple[int, Mapping[str, Any]]] = {}
        self._figures_s: dict[Key, float] = {}
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        """Asked for while their write was under way: one object is never written twice at once."""
        self._running = False
        self._wake = asyncio.Event()

    def look(self, keys: Iterable[Key]) -> None:
        """These objects may need another status; outside a term nobody cares."""
        if not self._running:
            return
        now_s = _now_s()
        for key in keys:
            self._due[key] = min(self._due.get(key, now_s), now_s)
        self._wake.set()

    async def run(self, first: Callable[[], None]) -> None:
        """Until cancelled: write what differs. `first` asks to look at everything."""
        free = asyncio.Semaphore(WRITERS)
        self._due.clear()
        self._running = True
        try:
            first()
            async with asyncio.TaskGroup() as writes:
                while True:
                    await self._next()
                    for key in self._taken():
                        await free.acquire()
                        writes.create_task(self._settle(key, free))
        finally:
            self._running = False
            self._busy.clear()

    async def _next(self) -> None:
        """Until something is due."""
        self._wake.clear()
        pause_s = max(0.0, min(self._due.values()) - _now_s()) if self._due else None
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _taken(self) -> list[Key]:
        now_s = _now_s()
        due = [key for key, at_s in self._due.items() if at_s <= now_s]
        for key in due:
            del self._due[key]
        self._again.update(key for key in due if key in self._busy)
        fresh = [key for key in due if key not in self._busy]
        self._busy.update(fresh)
        return fresh

    async def _settle(self, key: Key, free: asyncio.Semaphore) -> None:
        try:
            await self._write(key)
        except ApiFailed as failed:
            self._metrics.status_writes.child("failed").inc()
            _log.warning("status_not_written", kind=key[0], namespace=key[1], name=key[2], reason=str(failed))
            self._due.setdefault(key, _now_s() + RETRY_S)
        finally:
            free.release()
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._due[key] = _now_s()
            self._wake.set()

    async def _write(self, key: Key) -> None:
        known, wanted = self._known(key), self._wanted(key)
        if known is None:
            self._written.pop(key, None)
            self._figures_s.pop(key, None)
            return
        if wanted is None:
            return
        present = self._present(key, known)
        status = _status(wanted, present, known.generation)
        if same(status, present) or self._too_soon(key, status, present):
            return
        timeout_s = min(WRITE_S, self._remaining_s())
        if timeout_s <= 0:
            self._due.setdefault(key, _now_s() + RETRY_S)
            return
        stored = await self._api.apply_status(_path(key), _body(key, known.uid, status), timeout_s=timeout_s)
        self._metrics.status_writes.child("written" if stored is not None else "gone").inc()
        if stored is not None:
            version = int(stored["metadata"].get("resourceVersion") or 0)
            self._written[key] = (version, stored.get("status") or status)
            self._figures_s[key] = _now_s()

    def _present(self, key: Key, known: Known) -> Mapping[str, Any]:
        """The newest status known: the watch's, or of our own last write while the watch has not shown it yet."""
        version, status = self._written.get(key, (0, {}))
        return status if version > known.version else known.status

    def _too_soon(self, key: Key, status: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
        """Only figures changed, and the last were written just now: look again when they may be."""
        at_s = self._figures_s.get(key)
        if at_s is None or _now_s() >= at_s + FIGURES_S or not figures_only(status, present):
            return False
        self._due.setdefault(key, at_s + FIGURES_S)
        return True


def _status(wanted: Verdict, present: Mapping[str, Any], generation: int) -> dict[str, Any]:
    before = present.get("conditions") or []
    conditions = merged(wanted.conditions, before, generation=generation, now=_moment())
    conditions += [one for one in before if one.get("type") in wanted.kept]
    status: dict[str, Any] = {"observedGeneration": generation, "conditions": conditions}
    if wanted.namespaces is not None:
        status["namespaces"] = wanted.namespaces
    sidecars = present.get("sidecars") if "sidecars" in wanted.kept else wanted.sidecars
    return status | ({"sidecars": sidecars} if sidecars is not None else {})


def _body(key: Key, uid: str, status: Mapping[str, Any]) -> dict[str, Any]:
    """The uid makes the write fail when another object has the name by now."""
    metadata = {"name": key[2], "uid": uid} | ({"namespace": key[1]} if key[1] else {})
    return {"apiVersion": API_VERSION, "kind": key[0], "metadata": metadata, "status": dict(status)}


def _path(key: Key) -> str:
    return path_of(API_VERSION, KINDS[key[0]].plural, key[1], name=key[2])


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
