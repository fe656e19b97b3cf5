"""The supervisor: keeps sidecar and ledger running, compiles changed policies, says how things are in state.json.

A bad edit changes nothing but what `status` and the log say. Calls never wait for this process.
Next: `detached.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from ccproxy_cli.home import Home
from ccproxy_cli.journal import Journal
from ccproxy_cli.loopback import ask
from ccproxy_cli.processes import command_line, identity_of
from ccproxy_cli.screens import counts
from ccproxy_cli.state import CompileReport, ReloadState, State, state_bytes
from ccproxy_cli.supervision.child import Child
from ccproxy_cli.supervision.compile_process import compiled_by_process
from ccproxy_cli.supervision.plan import Plan, child_specs
from ccproxy_cli.supervision.policy_watch import Fingerprint, PolicyWatch, fingerprint
from ccproxy_contract.names import PATH_READY
from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.stopping import stop_event

POLL_S = 0.25
STARTUP_S = 20.0
STARTUP_TRIES = 3
UNREADY_S = 5.0
"""A sidecar that answers and is not ready gets so long to read its snapshot."""
DRAIN_S = 12.0


class Supervisor:
    """One run of it. `compiled` is the report and the fingerprint of what the run folder holds now."""

    def __init__(
        self,
        plan: Plan,
        environment: Mapping[str, str],
        *,
        compiled: tuple[CompileReport, Fingerprint],
        journal: Journal,
    ) -> None:
        self._plan = plan
        self._home = Home(Path(plan.home))
        self._journal = journal
        self._children = [
            Child(spec, journal=journal, on_change=self._publish)
            for spec in child_specs(plan, environment, supervisor=os.getpid())
        ]
        report, seen = compiled
        self._watch = PolicyWatch(seen)
        self._stop = asyncio.Event()
        self._state = _first_state(plan, report)

    async def run(self, on_serving: Callable[[State], None]) -> bool:
        """Serve until a signal asks to stop; `on_serving` is called once the sidecar answers. False: it never did."""
        loop = asyncio.get_running_loop()
        self._stop = stop_event(loop)
        loop.add_signal_handler(signal.SIGHUP, self._stop.set)  # the terminal was closed
        self._publish()
        tasks = [asyncio.create_task(child.keep_running()) for child in self._children]
        try:
            return await self._serve(on_serving)
        finally:
            await self._stop_children()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._home.state.unlink(missing_ok=True)

    async def _serve(self, on_serving: Callable[[State], None]) -> bool:
        if not await self._sidecar_answers():
            return self._stop.is_set()
        self._journal.write("serving", f"serving on {self._state.address}", aloud=False)  # before anybody can know it
        self._change(serving_since_ms=_now_ms())
        on_serving(self._state)
        while not await self._stopped_within(POLL_S):
            if self._watch.due(fingerprint(Path(self._plan.config)), now_s=time.monotonic()):
                await self._reload()
        return True

    async def _sidecar_answers(self) -> bool:
        deadline_s = time.monotonic() + STARTUP_S
        sidecar, last_words = self._children[0], "no answer"
        while time.monotonic() < deadline_s and sidecar.state.restarts < STARTUP_TRIES:
            reply = await asyncio.to_thread(ask, self._plan.port, PATH_READY, timeout_s=1.0)
            if reply is not None and reply.status == 200:
                return True
            if reply is not None:
                last_words = reply.body.decode(errors="replace").strip()[:500]
                deadline_s = min(deadline_s, time.monotonic() + UNREADY_S)
            if await self._stopped_within(0.03):
                return False
        self._journal.write("not_serving", f"the sidecar is not ready: {last_words}", level="error")
        return False

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _reload(self) -> None:
        report = await compiled_by_process(self._plan.commands.compiling, self._plan.config, self._home.run)
        before, reload = self._state.running, ReloadState(at_ms=_now_ms(), report=report)
        if report.problems:
            self._change(reload=reload)
            for problem in report.problems:
                self._journal.write("policy_problem", str(problem), level="error")
            self._journal.write("reload_refused", "the earlier policies stay in force", level="error")
            return
        self._change(reload=reload, running=report)
        changed = (report.snapshot, report.accounts) != (before.snapshot, before.accounts)
        self._journal.write("reloaded", f"policies compiled again: {counts(report) if changed else 'nothing new'}")

    async def _stop_children(self) -> None:
        self._journal.write("stopping", "stopping")
        for child in self._children:
            await child.stop(grace_s=DRAIN_S)

    def _change(self, **fields: object) -> None:
        self._state = msgspec.structs.replace(self._state, **fields)
        self._publish()

    def _publish(self) -> None:
        self._state = msgspec.structs.replace(self._state, processes=tuple(child.state for child in self._children))
        try:
            atomic_write(self._home.state, state_bytes(self._state), durable=False)
        except OSError as problem:  # a full disk stops no process
            self._journal.write("state_unwritten", f"state.json not written: {problem.strerror}", level="error")


def _first_state(plan: Plan, report: CompileReport) -> State:
    identity = identity_of(os.getpid())
    assert identity is not None, "a process can see itself"
    now_ms = _now_ms()
    return State(
        supervisor=identity,
        command=command_line(identity.pid),
        version=version("ccproxy-cli"),
        port=plan.port,
        ledger_port=plan.ledger_port,
        config=plan.config,
        external_database=bool(plan.database_url),
        started_ms=now_ms,
        running=report,
        reload=ReloadState(at_ms=now_ms, report=report),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
