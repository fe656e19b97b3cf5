"""Entry point of a supervisor in the background: `python -m ccproxy_cli.supervision.detached`, its plan on stdin.

Its lock comes as an open file from the process that started it, so there is no moment without one.
Next: `../launching.py`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from ccproxy_cli.home import Home
from ccproxy_cli.journal import Journal
from ccproxy_cli.settings import environment
from ccproxy_cli.state import CompileReport
from ccproxy_cli.supervision.plan import Plan
from ccproxy_cli.supervision.policy_watch import Fingerprint
from ccproxy_cli.supervision.supervisor import Supervisor


class Handover(msgspec.Struct, frozen=True):
    """What the starting process hands over: the plan, and what it has compiled."""

    plan: Plan
    report: CompileReport
    seen: Fingerprint


def main() -> None:
    """Supervise until asked to stop; exit 1 when the sidecar never answered."""
    handover = msgspec.json.decode(sys.stdin.buffer.read(), type=Handover)
    journal = Journal(Home(Path(handover.plan.home)).log("supervisor"))
    sys.exit(0 if asyncio.run(_supervise(handover, journal)) else 1)


async def _supervise(handover: Handover, journal: Journal) -> bool:
    compiled = (handover.report, handover.seen)
    return await Supervisor(handover.plan, environment(), compiled=compiled, journal=journal).run(lambda _state: None)


if __name__ == "__main__":
    main()
