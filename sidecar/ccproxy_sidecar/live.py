"""What the sidecar runs now: the compiled snapshot, swapped as a whole; the last good one stays when a new one fails.

Must not read files (`runtime.feed` does). Next: `pipeline.py`.
"""

from __future__ import annotations

import asyncio
import time

from ccproxy_contract.prices import EMPTY_BOOK, PriceBook
from ccproxy_contract.snapshot import Snapshot
from ccproxy_sidecar.rules.program import OnFailure, Program
from ccproxy_sidecar.tokens.exact import TokenCounter

FIRST_SNAPSHOT_WAIT_S = 30.0


class Live:
    """The program in force and what is wrong with the newest one, if anything."""

    def __init__(self, *, custom_rules: bool, on_failure: OnFailure, passing: Snapshot | None = None) -> None:
        """`passing`: what calls run on until the first snapshot; None: they wait for it."""
        self._custom_rules = custom_rules
        self._on_failure = on_failure
        self._counter = TokenCounter()
        self._arrived = asyncio.Event()
        self.passing = Program(passing, counter=self._counter) if passing is not None else None
        self.program: Program | None = None
        self.since_ms = 0
        self.problem = ""

    @property
    def in_force(self) -> Program | None:
        """What a call that comes now would run on."""
        return self.program or self.passing

    @property
    def retired(self) -> bool:
        """Is ccproxy about to be uninstalled?"""
        return self.program is not None and self.program.snapshot.retired

    def take(self, snapshot: Snapshot) -> bool:
        """Dry-compile and swap; False (with `problem` set) keeps what runs."""
        try:
            program = Program(
                snapshot,
                custom_rules=self._custom_rules,
                counter=self._counter,
                on_failure=self._on_failure,
                earlier=self.program,
            )
        except ValueError as refused:
            kept = "; the earlier policies stay in force" if self.program is not None else ""
            self.problem = f"{refused}{kept}"
            return False
        self.program = program
        self.since_ms = int(time.time() * 1000)
        self.problem = ""
        self._arrived.set()
        return True

    @property
    def book(self) -> PriceBook:
        """The prices that are in force."""
        return self.program.snapshot.book if self.program is not None else EMPTY_BOOK

    async def first(self) -> Program | None:
        """The program, waited for up to 30 s; a new sidecar holds its calls until its first snapshot."""
        if self.program is None:
            try:
                async with asyncio.timeout(FIRST_SNAPSHOT_WAIT_S):
                    await self._arrived.wait()
            except TimeoutError:
                pass
        return self.program
