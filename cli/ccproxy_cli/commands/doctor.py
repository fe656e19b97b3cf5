"""`ccproxy doctor`: looks over the machine and says what to do about what it finds. This ends the walk of the cli."""

from __future__ import annotations

import click

from ccproxy_cli.diagnosis import Finding, Patient, diagnose
from ccproxy_cli.exits import PROBLEM
from ccproxy_cli.home import Home
from ccproxy_cli.settings import settings
from ccproxy_cli.state import running_state
from ccproxy_cli.terminal import print_json, show, table

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}

EPILOG = """\b
Examples:
  ccproxy doctor
  ccproxy doctor --json
\b
Changes nothing. Exits 1 when there is a problem; a warning alone exits 0."""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """Look for what could be wrong on this machine."""
    ours = settings()
    home = Home(ours.home)
    findings = list(diagnose(Patient(ours, home, running_state(home.state))))
    if as_json:
        print_json(findings)
    else:
        _print(findings)
    if any(finding.level == "problem" for finding in findings):
        raise click.exceptions.Exit(PROBLEM)


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    shown = table("", "About", "", "Found", "What to do")
    for finding in findings:
        shown.add_row(
            finding.about, Text(finding.level, STYLES[finding.level]), Text(finding.finding), Text(finding.advice)
        )
    show(shown)
