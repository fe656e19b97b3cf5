"""The Lease holder's side of acknowledgements: asks every other replica each second, and keeps their last words.

Replicas come and go. What an unreachable one said last counts for 30 s, or until its pods speak elsewhere.
Next: `retirement.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ccproxy_contract.names import PATH_ACKS
from ccproxy_operator.distributor.acks import Known, Report, merged, report_from_bytes
from ccproxy_operator.distributor.peers import Peers, Replica
from ccproxy_runtime.logs import logger

EACH_S: Final = 1.0
LOOK_S: Final = 5.0
"""How often the list of replicas is asked for."""
KEPT_S: Final = 30.0
_log = logger("gathering")


class Gathering:
    """`own` is this replica's report now; `clock_s` is a monotonic clock."""

    def __init__(self, peers: Peers, *, own: Callable[[], Report], clock_s: Callable[[], float]) -> None:
        self._peers = peers
        self._own = own
        self._clock_s = clock_s
        self._heard: dict[str, tuple[Report, float]] = {}
        self._looked_s = -LOOK_S

    def words(self) -> tuple[dict[str, Known], dict[str, Known]]:
        """Sidecars and ledgers by pod uid, from all replicas."""
        now_s = self._clock_s()
        kept = [report for report, heard_s in self._heard.values() if now_s - heard_s < KEPT_S]
        return merged([self._own(), *kept])

    async def run(self) -> None:
        """Until cancelled: gather. Only the Lease holder runs this."""
        try:
            while True:
                await self.gather()
                await asyncio.sleep(EACH_S)
        finally:
            self._heard.clear()

    async def gather(self) -> None:
        """Ask every other replica once."""
        now_s = self._clock_s()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            await self._peers.look()
        await asyncio.gather(*(self._ask(replica) for replica in self._peers.replicas))
        self._heard = {name: heard for name, heard in self._heard.items() if self._clock_s() - heard[1] < KEPT_S}

    async def _ask(self, replica: Replica) -> None:
        before = self._heard.get(replica.name)
        headers = {"if-none-match": f'"{before[0].replica}.{before[0].version}"'} if before is not None else {}
        answer = await self._peers.ask(replica, "GET", path=PATH_ACKS, headers=headers)
        if answer is None:
            return
        status, body = answer
        if status == 304 and before is not None:
            self._heard[replica.name] = (before[0], self._clock_s())
        elif status == 200:
            self._take(replica, body)
        else:
            _log.warning("acks_refused", replica=replica.name, status=status)

    def _take(self, replica: Replica, body: bytes) -> None:
        try:
            report = report_from_bytes(body)
        except ValueError:
            _log.error("acks_unreadable", replica=replica.name)
            return
        self._heard[replica.name] = (report, self._clock_s())
