"""What one supervisor is to run: the ports, the policy folder, and each child's command and environment.

Pure. Next: `child.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccproxy_cli.home import Home
from ccproxy_cli.ports import LOOPBACK

SIDECAR = "sidecar"
LEDGER = "ledger"


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """How each process is started. `compiling` gets the policy folder and the run folder as arguments."""

    sidecar: tuple[str, ...] = (sys.executable, "-m", "ccproxy_sidecar")
    ledger: tuple[str, ...] = (sys.executable, "-m", "ccproxy_ledger")
    compiling: tuple[str, ...] = (sys.executable, "-m", "ccproxy_cli.compiling")


PRODUCTION = Commands()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Handed to a detached supervisor on its stdin, because `database_url` may hold a password."""

    home: str
    config: str
    port: int
    ledger_port: int
    database_url: str = ""
    commands: Commands = PRODUCTION


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


def child_specs(plan: Plan, environment: Mapping[str, str], *, supervisor: int) -> tuple[ChildSpec, ...]:
    """The children in the order in which they start; they stop in the same order, so the ledger is there to the end.

    A user's own CCPROXY_ variables reach them, except where the supervisor decides. They end with process `supervisor`.
    """
    home = Home(Path(plan.home))
    shared = {name: value for name, value in environment.items() if name != "CCPROXY_DATABASE_URL"}
    shared |= {
        "CCPROXY_HOME": plan.home,
        "CCPROXY_EXIT_WITH_PARENT": str(supervisor),
        "CCPROXY_LEDGER_TOKEN_FILE": str(home.ledger_token),
    }
    return (
        ChildSpec(
            name=SIDECAR,
            command=plan.commands.sidecar,
            environment=shared | _sidecar_environment(plan, home),
            log=home.log(SIDECAR),
        ),
        ChildSpec(
            name=LEDGER,
            command=plan.commands.ledger,
            environment=shared | _ledger_environment(plan, home),
            log=home.log(LEDGER),
        ),
    )


def _sidecar_environment(plan: Plan, home: Home) -> dict[str, str]:
    return {
        "CCPROXY_SNAPSHOT": str(home.snapshot),
        "CCPROXY_SPOOL": str(home.spool(SIDECAR)),
        "CCPROXY_HOST": LOOPBACK,
        "CCPROXY_PORT": str(plan.port),
        "CCPROXY_LEDGER_URL": f"http://{LOOPBACK}:{plan.ledger_port}",
        "CCPROXY_CUSTOM_RULES": "1",
        "CCPROXY_RULES_PATH": plan.config,
    }


def _ledger_environment(plan: Plan, home: Home) -> dict[str, str]:
    return {
        "CCPROXY_ACCOUNTS": str(home.accounts),
        "CCPROXY_LEDGER_HOST": LOOPBACK,
        "CCPROXY_LEDGER_PORT": str(plan.ledger_port),
        "CCPROXY_LEDGER_SPOOL": str(home.spool(LEDGER)),
        "CCPROXY_DATABASE_URL": plan.database_url,
        "CCPROXY_PGDATA": str(home.pg),
    }
