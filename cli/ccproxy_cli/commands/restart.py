"""`ccproxy restart`: stop, then start with the port and policy folder it had. Next: `status.py`."""

from __future__ import annotations

from pathlib import Path

import click

from ccproxy_cli.commands.start import start
from ccproxy_cli.commands.stop import stop
from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.launching import Wish
from ccproxy_cli.settings import environment, settings
from ccproxy_cli.state import running_state
from ccproxy_cli.terminal import remark

EPILOG = """\b
Examples:
  ccproxy restart               for a new version, or changed environment variables
  CCPROXY_DATABASE_URL=postgresql://me@db/ccproxy ccproxy restart"""


@click.command(epilog=EPILOG)
def command() -> None:
    """Stop ccproxy if it runs and start it in the background, on the same port with the same policy folder."""
    ours = settings()
    home = Home(ours.home)
    state = running_state(home.state)
    if state is None:
        start(Wish(home=home, config=None, port=ours.port, database_url=ours.database_url), detach=True)
        return
    if state.external_database and not ours.database_url:
        raise Failure("it runs on a database of yours: set CCPROXY_DATABASE_URL, whose value is not kept anywhere.")
    _refuse_bad_policies(Path(state.config))
    stop(home, state)
    config = None if Path(state.config) == home.policies else Path(state.config)
    start(Wish(home=home, config=config, port=state.port, database_url=ours.database_url), detach=True)


def _refuse_bad_policies(folder: Path) -> None:
    from ccproxy_cli.compiling import compile_folder

    report = compile_folder(folder, environment()).report
    if report.problems:
        for problem in report.problems:
            remark(str(problem))
        raise Failure("not restarted, it runs on with the earlier policies. Mend these and try again.")
