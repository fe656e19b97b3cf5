"""A home with a short path, and stand-in processes that are ended with the test, whatever happens."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from ccproxy_cli.detaching import launch_detached
from ccproxy_cli.home import Home
from ccproxy_cli.launching import Wish, end_leftovers, prepare
from ccproxy_cli.processes import Identity, end, identity_of
from ccproxy_cli.state import State, recorded_state, running_state
from ccproxy_cli.supervision.plan import Commands

T = TypeVar("T")

STAND_INS = Commands(
    sidecar=(sys.executable, "-m", "tests.cli.stand_in", "sidecar"),
    ledger=(sys.executable, "-m", "tests.cli.stand_in", "ledger"),
    compiling=(sys.executable, "-m", "tests.cli.stand_in_compiler"),
)


@contextmanager
def temporary_home() -> Iterator[Home]:
    """A home that does not exist yet, with a short path; what still runs in it at the end is ended."""
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        made = Home(Path(folder) / "h")
        try:
            yield made
        finally:
            state = recorded_state(made.state)
            if state is not None:
                end(state.supervisor, grace_s=15)
            end_leftovers(made, lambda _line: None)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home of this test's own, as CCPROXY_HOME."""
    with temporary_home() as made:
        monkeypatch.setenv("CCPROXY_HOME", str(made.root))
        yield made


@pytest.fixture
def policies(home: Home) -> Path:
    """The policy folder of `home` with one file in it."""
    home.create()
    (home.policies / "a.yaml").write_text("right: 1\n")
    return home.policies


def launched(home: Home, *, commands: Commands = STAND_INS, port: int = 0) -> State:
    """A detached supervisor with stand-in children."""
    return launch_detached(prepare(Wish(home=home, config=None, port=port, commands=commands), lambda _line: None))


def wait_for(what: Callable[[], T | None], *, timeout_s: float = 15.0) -> T:
    """The first value that is neither `None` nor false."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.03)
    raise AssertionError("waited in vain")


def process_pid(home: Home, name: str) -> int:
    """The pid of a running child, else 0."""
    state = running_state(home.state)
    for process in state.processes if state else ():
        if process.name == name and process.identity and process.phase == "running":
            return process.identity.pid
    return 0


def child_identity(home: Home, name: str) -> Identity:
    """Wait until a child runs and say which process it is."""
    found = identity_of(wait_for(lambda: process_pid(home, name)))
    assert found is not None
    return found


def state_where(home: Home, holds: Callable[[State], bool]) -> State | None:
    """The present state if `holds` says so of it."""
    state = running_state(home.state)
    return state if state is not None and holds(state) else None
