"""A supervisor in the background: started in a session of its own, waited for until it serves.

Next: `starters.py`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.launching import Prepared
from ccproxy_cli.settings import environment
from ccproxy_cli.state import State, recorded_state

SERVING_TIMEOUT_S = 30.0


def launch_detached(prepared: Prepared) -> State:
    """Start the supervisor in the background and wait until it serves. Raises `Failure` when it does not."""
    home = Home(Path(prepared.handover.plan.home))
    theirs, ours = os.pipe()
    with home.log("supervisor").open("ab") as log:
        pid = _spawn_detached(stdin=theirs, output=log.fileno(), lock=prepared.lock)
    os.close(theirs)
    os.close(prepared.lock)
    with os.fdopen(ours, "wb") as pipe:
        pipe.write(msgspec.json.encode(prepared.handover))
    return _serving_state(home, pid)


def _spawn_detached(*, stdin: int, output: int, lock: int) -> int:
    """A supervisor in a session of its own, which nobody waits for; `subprocess` would complain of that."""
    os.set_inheritable(lock, True)
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "ccproxy_cli.supervision.detached"],
        environment(),
        file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0), *((os.POSIX_SPAWN_DUP2, output, to) for to in (1, 2))],
        setsid=True,
    )


def _serving_state(home: Home, pid: int) -> State:
    deadline_s = time.monotonic() + SERVING_TIMEOUT_S
    while time.monotonic() < deadline_s and os.waitpid(pid, os.WNOHANG) == (0, 0):
        state = recorded_state(home.state)
        if state is not None and state.supervisor.pid == pid and state.serving_since_ms:
            return state
        time.sleep(0.02)
    raise not_serving(home)


def not_serving(home: Home) -> Failure:
    """What to tell when the sidecar never got ready: the ends of the logs, and where the rest is."""
    lines = [f"ccproxy did not get ready. `ccproxy doctor` may know why; the ends of the logs in {home.logs}:"]
    for name in ("supervisor", "sidecar"):
        log = home.log(name)
        tail = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
        lines += [f"  {name}: {line[:300]}" for line in tail]
    return Failure("\n".join(lines))
