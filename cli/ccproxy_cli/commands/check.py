"""`ccproxy check`: compiles a folder of policies and says what is wrong with it. Next: `explain.py`."""

from __future__ import annotations

from pathlib import Path

import click

from ccproxy_cli.exits import PROBLEM
from ccproxy_cli.home import Home
from ccproxy_cli.screens import counts
from ccproxy_cli.settings import environment, settings
from ccproxy_cli.terminal import print_json, say

EPILOG = """\b
Examples:
  ccproxy check                     the policies in CCPROXY_HOME
  ccproxy check ./policies          another folder
  ccproxy check ./policies --json   for a program
\b
Prints `file:line: path: what to write instead` and exits 1 when something is wrong."""


@click.command(epilog=EPILOG)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, folder: Path | None, as_json: bool) -> None:
    """Say whether a folder of policies is right. Changes nothing and calls nobody."""
    from ccproxy_cli.compiling import compile_folder

    chosen = folder or Home(settings().home).policies
    report = compile_folder(chosen, environment()).report
    if as_json:
        print_json(report)
    elif report.problems:
        for problem in report.problems:
            say(str(problem))
    else:
        say(f"OK: {counts(report)} in {report.files} files")
    if report.problems:
        raise click.exceptions.Exit(PROBLEM)
