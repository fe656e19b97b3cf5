"""`ccproxy stop`: asks the supervisor to finish; open calls get their time. Next: `restart.py`."""

from __future__ import annotations

import signal

import click

from ccproxy_cli.exits import Failure, NotRunning
from ccproxy_cli.home import Home
from ccproxy_cli.launching import end_leftovers
from ccproxy_cli.processes import send, wait_until_gone
from ccproxy_cli.settings import settings
from ccproxy_cli.state import State, running_state
from ccproxy_cli.terminal import remark, say

STOP_TIMEOUT_S = 30.0

EPILOG = """\b
Examples:
  ccproxy stop
\b
Open calls may finish for some seconds. What was metered is on disk and is counted at the next start."""


@click.command(epilog=EPILOG)
def command() -> None:
    """Stop ccproxy and all its processes."""
    home = Home(settings().home)
    state = running_state(home.state)
    if state is None:
        end_leftovers(home, remark)
        raise NotRunning
    stop(home, state)
    say("ccproxy stopped.")


def stop(home: Home, state: State) -> None:
    """End a running supervisor and its processes. Raises `Failure` when it cannot be ended."""
    send(state.supervisor, signal.SIGTERM)
    if wait_until_gone(state.supervisor, timeout_s=STOP_TIMEOUT_S):
        return
    remark(f"process {state.supervisor.pid} did not stop in {STOP_TIMEOUT_S:g} s; ending it the hard way")
    send(state.supervisor, signal.SIGKILL)
    if not wait_until_gone(state.supervisor, timeout_s=5.0):
        raise Failure(f"process {state.supervisor.pid} does not end. Is it yours? Try `kill -9` as its owner.")
    end_leftovers(home, remark)
