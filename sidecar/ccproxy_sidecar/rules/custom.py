"""`class`: a user's own rule, `module:Class`, with a time limit; it can fail, and then it does not match.

A class is made once with `params` and answers `matches(facts)`, plain or async, with a bool. Must not let it stop the
event loop: a plain one runs in a thread of its own, a stuck thread is left behind. Next: `program.py`.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import queue
import threading
from collections.abc import Callable
from typing import Any

from ccproxy_contract.snapshot import CustomRule
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.facts import Facts

TIME_LIMIT_S = 0.05
MAX_FAILURES_IN_A_ROW = 3
"""Then the rule is switched off until the next snapshot: each stuck call costs a thread."""


def _tell_nobody(_reason: str) -> None:
    pass


class Custom:
    """One user's rule. `failures` counts by reason: `timeout`, `answer`, or the exception's class name."""

    field = "class"

    def __init__(
        self,
        custom: CustomRule,
        *,
        time_limit_s: float = TIME_LIMIT_S,
        on_failure: Callable[[str], None] = _tell_nobody,
    ) -> None:
        """`on_failure` is told the reason of each. Raises `ValueError` when the class cannot be loaded or made, or has
        no `matches`.
        """
        self.target = custom.target
        self.failures: dict[str, int] = {}
        self.switched_off = False
        self._time_limit_s = time_limit_s
        self._on_failure = on_failure
        self._in_a_row = 0
        self._matches = _loaded(custom)
        self._is_async = inspect.iscoroutinefunction(self._matches)
        self._worker: _Worker | None = None

    def holds(self, call: Call) -> bool | None:  # noqa: ARG002 - a matcher's signature
        return False if self.switched_off else None

    def why(self, call: Call) -> str:  # noqa: ARG002 - a matcher's signature
        if self.switched_off:
            return f"{self.target} is switched off after {MAX_FAILURES_IN_A_ROW} failures in a row"
        return f"{self.target} is asked" + (f", it failed before: {self.failures}" if self.failures else "")

    async def ask(self, call: Call) -> bool:
        """What the rule says; False when it fails or takes too long."""
        if self.switched_off:
            return False
        try:
            async with asyncio.timeout(self._time_limit_s):
                answer = await self._answer(Facts(call))
        except TimeoutError:
            return self._failed("timeout")
        except (Exception, SystemExit) as error:  # the user's own code: anything may come out of it
            return self._failed(type(error).__name__)
        if not isinstance(answer, bool):
            return self._failed("answer")
        self._in_a_row = 0
        return answer

    async def _answer(self, facts: Facts) -> object:
        if self._is_async:
            return await self._matches(facts)
        if self._worker is None:
            self._worker = _Worker()
        worker = self._worker
        try:
            return await worker.run(lambda: self._matches(facts))
        except asyncio.CancelledError:
            # Too late, or the client has gone: the thread may be stuck, the next call gets a new one.
            worker.leave()
            if self._worker is worker:
                self._worker = None
            raise

    def _failed(self, reason: str) -> bool:
        self.failures[reason] = self.failures.get(reason, 0) + 1
        self._in_a_row += 1
        self.switched_off = self._in_a_row >= MAX_FAILURES_IN_A_ROW
        self._on_failure(reason)
        return False


class _Worker:
    """One daemon thread: unlike an executor's it can be left behind, and it does not hold up the exit."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="custom-rule", daemon=True).start()

    async def run(self, job: Callable[[], object]) -> object:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()

        def tell(answer: object, error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(answer)
            else:
                done.set_exception(error)

        def run_job() -> None:
            answer, error = _outcome(job)
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, answer, error)

        self._jobs.put(run_job)
        return await done

    def leave(self) -> None:
        """Ask the thread to end once it comes back."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _outcome(job: Callable[[], object]) -> tuple[object, BaseException | None]:
    try:
        return job(), None
    except (Exception, SystemExit) as error:  # the user's own code; it is counted by the caller
        return None, error


def _loaded(custom: CustomRule) -> Callable[[Facts], Any]:
    module, _, name = custom.target.partition(":")
    try:
        rule = getattr(importlib.import_module(module), name)(**custom.params)
    except (Exception, SystemExit) as error:  # import runs the user's own code: anything may come out of it
        raise ValueError(f"{custom.target} cannot be loaded: {type(error).__name__}: {error}") from error
    matches = getattr(rule, "matches", None)
    if not callable(matches):
        raise ValueError(f"{custom.target} has no method `matches(facts)`")
    loaded: Callable[[Facts], Any] = matches
    return loaded
