"""What goes wrong in a fault run, one trouble after the other, each as often as any other.

Must not wait for anything to recover before the next trouble. Next: `reckoning.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.fakes.provider.faults import Planned
from tests.fakes.provider.process import RunningProvider
from tests.faults.house import House
from tests.faults.load import Load

Trouble = Callable[[], Awaitable[None]]


class Troubles:
    """`happened` counts by kind; `kinds` are all there are."""

    def __init__(self, house: House, provider: RunningProvider, rng: random.Random) -> None:
        self.happened: Counter[str] = Counter()
        self._house = house
        self._provider = provider
        self._rng = rng
        self.kinds: dict[str, Trouble] = {
            "sidecar killed": self._sidecar_killed,
            "ledger killed": self._ledger_killed,
            "both killed": self._both_killed,
            "postmaster killed": self._postmaster_killed,
            "postmaster paused": self._postmaster_paused,
            "ledger paused": self._ledger_paused,
            "network cut": self._network_cut,
            "sidecar restarted": self._sidecar_restarted,
            "ledger restarted": self._ledger_restarted,
            "provider in a mood": self._provider_moody,
        }

    async def run(self, load: Load, *, calls_between: int) -> None:
        """A trouble each `calls_between` calls until the load is done; cancel to end earlier."""
        waiting: list[str] = []
        next_at = calls_between
        while True:
            load.held_at = next_at + 2 * calls_between
            await asyncio.sleep(0.02)
            if load.tally.done < next_at:
                continue
            next_at = load.tally.done + self._rng.randint(calls_between // 2, calls_between * 3 // 2)
            if not waiting:
                waiting = list(self.kinds)
                self._rng.shuffle(waiting)
            kind = waiting.pop()
            await self.kinds[kind]()
            self.happened[kind] += 1

    async def _a_while(self, longest_s: float = 0.8) -> None:
        await asyncio.sleep(self._rng.uniform(0.05, longest_s))

    async def _sidecar_killed(self) -> None:
        self._house.sidecar.kill()
        self._house.sidecar.start()

    async def _ledger_killed(self) -> None:
        self._house.ledger.kill()
        await self._a_while()
        self._house.ledger.start()

    async def _both_killed(self) -> None:
        self._house.ledger.kill()
        self._house.sidecar.kill()
        self._house.sidecar.start()
        await self._a_while()
        self._house.ledger.start()

    async def _postmaster_killed(self) -> None:
        self._signal(await self._postmaster(), signal.SIGKILL)

    async def _postmaster_paused(self) -> None:
        """Its backends go on; new connections hang."""
        pid = await self._postmaster()
        self._signal(pid, signal.SIGSTOP)
        try:
            await self._a_while()
        finally:
            self._signal(pid, signal.SIGCONT)

    def _signal(self, postmaster: int, sign: signal.Signals) -> None:
        """A ledger that starts ends a postmaster that it finds, so this one may be gone."""
        if self._house.postmaster() == postmaster:
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster, sign)

    async def _postmaster(self) -> int:
        while True:
            if (pid := self._house.postmaster()) is not None:
                return pid
            await asyncio.sleep(0.02)

    async def _ledger_paused(self) -> None:
        self._house.ledger.signal(signal.SIGSTOP)
        try:
            await self._a_while()
        finally:
            self._house.ledger.signal(signal.SIGCONT)

    async def _network_cut(self) -> None:
        await self._house.link.cut()
        try:
            await self._a_while()
        finally:
            await self._house.link.mend()

    async def _sidecar_restarted(self) -> None:
        """Politely: it finishes what it serves; whoever comes meanwhile finds nobody."""
        await asyncio.to_thread(self._house.sidecar.stop)
        self._house.sidecar.start()

    async def _ledger_restarted(self) -> None:
        await asyncio.to_thread(self._house.ledger.stop)
        self._house.ledger.start()

    async def _provider_moody(self) -> None:
        """First tries fail and second ones work."""
        moods = [
            Planned(fault=fault, times=self._rng.randint(1, 3), skip=self._rng.randint(0, 20))
            for fault in ("status=529", "reset", "cut;events=1", "status=503", "error_event;events=1")
        ]
        await asyncio.to_thread(self._provider.plan, *moods)
