"""`ccproxy install`: writes the starter policies. Next: `doctor.py`."""

from __future__ import annotations

import click

from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.settings import settings
from ccproxy_cli.starters import write_starters
from ccproxy_cli.terminal import say

EPILOG = """\b
Examples:
  ccproxy install               into CCPROXY_HOME/policies
  ccproxy install --force       over starter policies that are there"""


@click.command(epilog=EPILOG)
@click.option("--force", is_flag=True, help="Replace starter policies that are there; other files stay.")
def command(*, force: bool) -> None:
    """Write commented starter policies into CCPROXY_HOME/policies."""
    home = Home(settings().home)
    try:
        home.create()
        written = write_starters(home.policies, replace=force)
    except FileExistsError as there:
        raise Failure(f"{there} is there already. `ccproxy install --force` replaces it.") from None
    except OSError as problem:
        raise Failure(f"{problem.filename}: {problem.strerror}. Set CCPROXY_HOME to a folder you may write.") from None
    for path in written:
        say(f"Wrote {path}")
    say("Read and edit them, then `ccproxy check` and `ccproxy start`.")
