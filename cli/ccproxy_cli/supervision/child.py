"""One supervised process: started, started again with growing pauses when it ends, stopped on request.

Must not know what the process does. Next: `policy_watch.py`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable

from ccproxy_cli.journal import Journal, rotate
from ccproxy_cli.processes import identity_of
from ccproxy_cli.state import Phase, ProcessState
from ccproxy_cli.supervision.plan import ChildSpec

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 15.0
STEADY_AFTER_S = 30.0
"""A process that ran this long counts as healthy: the next pause is the first one again."""


class Child:
    """`state` is what run/state.json says of it; `on_change` is called whenever it is replaced."""

    def __init__(self, spec: ChildSpec, *, journal: Journal, on_change: Callable[[], None]) -> None:
        self.spec = spec
        self.state = ProcessState(name=spec.name, phase="starting", command=spec.command)
        self._journal = journal
        self._on_change = on_change
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def keep_running(self) -> None:
        """Run the process until `stop` is called, again and again."""
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started_s = time.monotonic()
            ended = await self._run_once()
            if self._stopping.is_set():
                break
            pause_s = FIRST_PAUSE_S if time.monotonic() - started_s > STEADY_AFTER_S else pause_s
            self._journal.write(
                "process_ended", f"{self.spec.name} ended ({ended}); next try in {pause_s:g} s", level="warning"
            )
            self._change("waiting", ended=ended, restarts=self.state.restarts + 1)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _run_once(self) -> str:
        try:
            self._process = await self._spawn()
        except OSError as problem:
            return f"not started: {problem.strerror}"
        if self._stopping.is_set():  # asked while the process was being made
            self._process.terminate()
        self._change("running", pid=self._process.pid)
        return _how_it_ended(await self._process.wait())

    async def _spawn(self) -> Process:
        rotate(self.spec.log)
        with self.spec.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops us in order.
            return await asyncio.create_subprocess_exec(
                *self.spec.command,
                env=dict(self.spec.environment),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self, *, grace_s: float) -> None:
        """Ask the process to finish, kill it after `grace_s` seconds; returns when it is gone."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), grace_s)
            except TimeoutError:
                self._journal.write(
                    "process_killed", f"{self.spec.name} did not stop in {grace_s:g} s", level="warning"
                )
                process.kill()
                await process.wait()
        self._change("stopped")

    def _change(self, phase: Phase, *, pid: int = 0, ended: str = "", restarts: int | None = None) -> None:
        self.state = ProcessState(
            name=self.spec.name,
            phase=phase,
            command=self.spec.command,
            identity=identity_of(pid) if pid else None,
            started_ms=time.time_ns() // 1_000_000 if pid else self.state.started_ms,
            restarts=self.state.restarts if restarts is None else restarts,
            last_exit=ended or self.state.last_exit,
        )
        self._on_change()


def _how_it_ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
