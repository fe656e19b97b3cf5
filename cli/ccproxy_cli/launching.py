"""From a command line to a running ccproxy: what is checked and written before the supervisor takes over.

Each step either works or ends in a `Failure` that says what to do. Next: `detaching.py`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.lock import acquire
from ccproxy_cli.ports import free_port, holder, is_free, port_or_another
from ccproxy_cli.processes import command_line, end
from ccproxy_cli.state import CompileReport, recorded_state, running_state
from ccproxy_cli.supervision.compile_process import compiled_by_process
from ccproxy_cli.supervision.detached import Handover
from ccproxy_cli.supervision.plan import PRODUCTION, Commands, Plan
from ccproxy_cli.supervision.policy_watch import fingerprint, policy_files
from ccproxy_contract.names import DATA_PORT, LEDGER_PORT
from ccproxy_runtime.atomic import atomic_write

LEFTOVER_GRACE_S = 10.0
LOCK_WAIT_S = 2.0
"""A supervisor that was killed a moment ago may still hold its lock while its threads end."""
TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked for. `config` is `None` for the folder in CCPROXY_HOME; `port` 0 takes any free one."""

    home: Home
    config: Path | None
    port: int
    database_url: str = ""
    commands: Commands = PRODUCTION


@dataclass(frozen=True)
class Prepared:
    """Everything a supervisor needs; `lock` is an open file descriptor."""

    handover: Handover
    lock: int


def prepare(wish: Wish, tell: Callable[[str], None]) -> Prepared:
    """Lock the home, clear left-overs, compile, choose ports. Raises `Failure`; `PolicyRefused` for bad policies."""
    try:
        wish.home.create()
        lock = _locked(wish.home)
        with _released_on_failure(lock):
            end_leftovers(wish.home, tell)
            handover = _handover(wish, _policy_folder(wish, tell))
            write_token(wish.home)
    except OSError as problem:
        raise Failure(
            f"{problem.filename or wish.home.root}: {problem.strerror}. Mend that, or set CCPROXY_HOME to a folder "
            "that you may write."
        ) from None
    return Prepared(handover, lock)


@contextmanager
def _released_on_failure(lock: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(lock)
        raise


def _handover(wish: Wish, config: Path) -> Handover:
    if wish.database_url and not wish.database_url.startswith(("postgresql://", "postgres://")):
        raise Failure("the database must be a URL such as postgresql://me@host/ccproxy.")
    port = _data_port(wish.port)
    seen = fingerprint(config)
    report = asyncio.run(compiled_by_process(wish.commands.compiling, str(config), wish.home.run))
    if report.problems:
        raise PolicyRefused(report)
    plan = Plan(
        home=str(wish.home.root),
        config=str(config),
        port=port,
        # A ccproxy beside the usual one leaves it its ledger's port: both may be starting now.
        ledger_port=port_or_another(LEDGER_PORT) if port == DATA_PORT else free_port(),
        database_url=wish.database_url,
        commands=wish.commands,
    )
    return Handover(plan, report, seen)


class PolicyRefused(Exception):
    """The policies at first start have problems; they are in `report`."""

    def __init__(self, report: CompileReport) -> None:
        super().__init__(f"{len(report.problems)} problems")
        self.report = report


def _locked(home: Home) -> int:
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while (lock := acquire(home.lock)) is None:
        state = running_state(home.state)
        if state is not None:
            raise Failure(
                f"ccproxy already runs for {home.root}: process {state.supervisor.pid}, {state.address}. "
                "Use `ccproxy restart`, or another CCPROXY_HOME and --port for a second one."
            )
        if time.monotonic() > deadline_s:
            raise Failure(f"another ccproxy is just starting or stopping in {home.root}. Try again in a moment.")
        time.sleep(0.05)
    return lock


def end_leftovers(home: Home, tell: Callable[[str], None]) -> None:
    """End what a killed supervisor left behind. Only processes whose birth and command line are the recorded ones."""
    state = recorded_state(home.state)
    for process in state.processes if state else ():
        identity = process.identity
        if identity is None or command_line(identity.pid) != process.command:
            continue
        if end(identity, grace_s=LEFTOVER_GRACE_S):
            tell(f"Ended a {process.name} that an earlier ccproxy left behind (process {identity.pid}).")
    home.state.unlink(missing_ok=True)


def _policy_folder(wish: Wish, tell: Callable[[str], None]) -> Path:
    if wish.config is not None:
        config = wish.config.expanduser().absolute()
        if not config.is_dir() or not policy_files(config):
            raise Failure(f"{config} holds no *.yaml file. Write policies there, or leave --config out.")
        return config
    if not policy_files(wish.home.policies):
        from ccproxy_cli.starters import write_starters

        for written in write_starters(wish.home.policies, replace=False):
            tell(f"Wrote {written}")
        tell("These starter policies are yours to edit; ccproxy follows every change.")
    return wish.home.policies


def _data_port(wanted: int) -> int:
    if wanted == 0:
        return free_port()
    if not is_free(wanted):
        raise Failure(
            f"port {wanted} is taken by {holder(wanted)}. Stop that, or choose another port with --port "
            "or CCPROXY_PORT (0 takes any free one)."
        )
    return wanted


def write_token(home: Home) -> None:
    """A fresh token for this run: only who can read the file may talk to the ledger."""
    atomic_write(home.ledger_token, secrets.token_hex(TOKEN_BYTES).encode())
