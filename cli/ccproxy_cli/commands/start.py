"""`ccproxy start`: becomes the supervisor, or leaves one in the background. Next: `stop.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ccproxy_cli.detaching import launch_detached, not_serving
from ccproxy_cli.exits import PROBLEM
from ccproxy_cli.home import Home
from ccproxy_cli.journal import Journal
from ccproxy_cli.launching import PolicyRefused, Prepared, Wish, prepare
from ccproxy_cli.screens import problem_lines, welcome
from ccproxy_cli.settings import environment, settings
from ccproxy_cli.state import State
from ccproxy_cli.supervision.supervisor import Supervisor
from ccproxy_cli.terminal import remark, say

EPILOG = """\b
Examples:
  ccproxy start                         in this terminal, Ctrl-C ends it
  ccproxy start --detach                in the background
  ccproxy start --port 0                on any free port
  ccproxy start --config ./policies     follow another folder of policies
  ccproxy start --database postgresql://me@db/ccproxy
\b
The database's address may also stand in CCPROXY_DATABASE_URL, where no process list shows it.
A change in the policies is followed at once; one with problems changes nothing and is shown by `ccproxy status`."""


@click.command(epilog=EPILOG)
@click.option("--detach", "-d", is_flag=True, help="Leave it running in the background.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where programs send their calls (default 4141).")
@click.option("--config", type=click.Path(path_type=Path), help="The policy folder (default CCPROXY_HOME/policies).")
@click.option("--database", metavar="URL", help="Keep the ledger in this Postgres instead of the embedded one.")
def command(*, detach: bool, port: int | None, config: Path | None, database: str | None) -> None:
    """Start ccproxy: compile the policies, serve calls, keep the ledger.

    Without policies, starter policies are written first.
    """
    ours = settings()
    wish = Wish(
        home=Home(ours.home),
        config=config,
        port=ours.port if port is None else port,
        database_url=database or ours.database_url,
    )
    start(wish, detach=detach)


def start(wish: Wish, *, detach: bool) -> None:
    """Start and show the first screen. Raises `Failure`; leaves with exit code 1 on bad policies."""
    try:
        prepared = prepare(wish, remark)
    except PolicyRefused as refused:
        for line in problem_lines(refused.report):
            remark(line)
        raise click.exceptions.Exit(PROBLEM) from None
    if detach:
        show(launch_detached(prepared))
    else:
        _serve_here(wish.home, prepared)


def show(state: State) -> None:
    """Print the first screen."""
    for line in welcome(state):
        say(line)


def _serve_here(home: Home, prepared: Prepared) -> None:
    handover = prepared.handover
    journal = Journal(home.log("supervisor"), echo=remark)
    supervisor = Supervisor(handover.plan, environment(), compiled=(handover.report, handover.seen), journal=journal)
    if not asyncio.run(supervisor.run(show)):
        raise not_serving(home)
