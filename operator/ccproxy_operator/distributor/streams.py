"""All open streams of one kind by group and key, at most one per pod; and their pulse.

A pod that connects again takes its old connection's place. Must not decide what is sent. Next: `supply.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Final

from ccproxy_contract.stream import CLOSE_GOING, HEARTBEAT_S
from ccproxy_operator.distributor.stream import Stream

SILENCE_S: Final = 3 * HEARTBEAT_S
"""A client that answered no ping for so long is cut off."""
PULSE_S: Final = 1.0
BATCH: Final = 64


class Streams:
    """`version` grows with every change that others may want to know of: streams that come, go or answer."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self.version = 0
        self._clock_s = clock_s
        self._by_key: dict[str, Stream] = {}
        self._groups: dict[str, dict[str, Stream]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._by_key.values())

    def get(self, key: str) -> Stream | None:
        """The stream of one pod."""
        return self._by_key.get(key)

    def group(self, group: str) -> tuple[Stream, ...]:
        """The streams of one namespace, as they are now."""
        return tuple(self._groups.get(group, {}).values())

    def add(self, stream: Stream) -> None:
        """Keep `stream`; an earlier one of the same pod is closed."""
        before = self._by_key.get(stream.key)
        if before is not None:
            self.remove(before)
            self.close(before, CLOSE_GOING)
        self._by_key[stream.key] = stream
        self._groups.setdefault(stream.group, {})[stream.key] = stream
        self.version += 1

    def remove(self, stream: Stream) -> None:
        """Forget `stream`, if it is still the one of its pod."""
        if self._by_key.get(stream.key) is not stream:
            return
        del self._by_key[stream.key]
        group = self._groups[stream.group]
        del group[stream.key]
        if not group:
            del self._groups[stream.group]
        self.version += 1

    def close(self, stream: Stream, code: int) -> None:
        """Say goodbye to `stream` with `code`, without waiting for it."""
        self._later(stream.outbox.close(code))

    async def close_all(self, code: int) -> None:
        """Say goodbye to everybody; returns when all have gone or were cut off."""
        for number, stream in enumerate(tuple(self)):
            self.close(stream, code)
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    async def keep_pulse(self) -> None:
        """Until cancelled: ping each stream every 15 s, and cut off those that were silent for 45 s."""
        while True:
            await asyncio.sleep(PULSE_S)
            for number, stream in enumerate(tuple(self)):
                await self._pulse(stream, self._clock_s())
                if number % BATCH == BATCH - 1:
                    await asyncio.sleep(0)

    async def _pulse(self, stream: Stream, now_s: float) -> None:
        if now_s - stream.heard_s >= SILENCE_S:
            stream.outbox.cut()
        elif now_s - stream.pinged_s >= HEARTBEAT_S:
            await stream.ping()

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
