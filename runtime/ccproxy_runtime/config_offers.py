"""What a client does with each word of the operator: takes, refuses, answers. The conversation without its socket.

Must not do I/O of its own: `take` may. Next: `config_stream.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ccproxy_contract.stream import Ack, Down, Reject, Slice, Up, down_from_bytes
from ccproxy_runtime.freshness import Freshness, Running
from ccproxy_runtime.logs import logger

Take = Callable[[Slice], Awaitable[Ack | Reject]]
"""Runs a configuration from now on (`Ack`), or says in a sentence without secrets why not (`Reject`)."""

_log = logger("config_stream")


class Offers:
    """Public fields are counts. `clock_s` is a monotonic clock in seconds."""

    def __init__(self, take: Take, *, running: Running, clock_s: Callable[[], float]) -> None:
        self.taken = 0
        self.rejected = 0
        self.rubbish = 0
        """Frames that were no word of the stream, or made no sense."""
        self.freshness = Freshness(running)
        self._take = take
        self._clock_s = clock_s
        self._confirmed_s = clock_s()
        self._in_sync = False

    def age_s(self) -> float:
        """Seconds since what runs was last known to be the newest; 0 while connected and in sync."""
        return 0.0 if self._in_sync else self._clock_s() - self._confirmed_s

    async def heard(self, frame: bytes) -> Up | None:
        """What to answer to a frame."""
        try:
            word: Down = down_from_bytes(frame)
            refusal = self.freshness.refuses(word, self._clock_s()) if isinstance(word, Slice) else ""
        except ValueError:
            self.rubbish += 1
            _log.error("rubbish", bytes=len(frame))
            return None
        if not isinstance(word, Slice):
            self._confirmed(word.hash, word.resource_versions)
            return None
        return self._rejection(Reject(word.hash, refusal)) if refusal else await self._run_from_now(word)

    def waits_s(self) -> float | None:
        """Seconds until `overdue` has something to do; None when nothing waits."""
        return self.freshness.waits_s(self._clock_s())

    async def overdue(self) -> Up | None:
        """Run the older offer that was refused, once it has waited long enough."""
        due = self.freshness.due(self._clock_s())
        return await self._run_from_now(due) if due is not None else None

    def disconnected(self) -> None:
        """Nobody tells any more whether what runs is the newest."""
        self._out_of_sync()
        self.freshness.disconnected()

    async def _run_from_now(self, offer: Slice) -> Ack | Reject:
        answer = Ack(offer.hash) if offer.hash == self.freshness.running.hash else await self._answer_to(offer)
        if isinstance(answer, Reject):
            self.freshness.disconnected()
            return self._rejection(answer)
        self.taken += 1
        self.freshness.took(offer)
        self._in_sync = True
        return answer

    async def _answer_to(self, offer: Slice) -> Ack | Reject:
        try:
            return await self._take(offer)
        except Exception as broken:  # whatever is wrong with one configuration, the next one must find us listening
            _log.error("take_broke", error=type(broken).__name__)
            return Reject(offer.hash, f"the client broke on it ({type(broken).__name__}); its log tells more")

    def _rejection(self, rejection: Reject) -> Reject:
        self._out_of_sync()
        self.rejected += 1
        _log.warning("rejected", hash=rejection.hash, reason=rejection.reason)
        return rejection

    def _confirmed(self, hash: str, versions: dict[str, str]) -> None:
        running = self.freshness.running.hash
        if hash != running:
            self.rubbish += 1
            _log.error("not_what_runs", said=hash, running=running)
            return
        self.freshness.confirmed(versions)
        self._in_sync = True

    def _out_of_sync(self) -> None:
        if self._in_sync:
            self._in_sync = False
            self._confirmed_s = self._clock_s()
