"""`ccproxy usage`: the ledger's sums as a table. Next: `logs.py`."""

from __future__ import annotations

import click

from ccproxy_cli.exits import Failure, NotRunning
from ccproxy_cli.home import Home
from ccproxy_cli.ledger_answer import usage_answer
from ccproxy_cli.settings import settings
from ccproxy_cli.state import running_state
from ccproxy_cli.terminal import print_json, remark, show, table
from ccproxy_cli.usage_figures import FIGURE_COLUMNS, cells, figures

GROUPS = ("tenant", "workload", "session", "agent", "backend", "model", "rule", "hour")
DEFAULT_GROUPS = ("backend", "model")

EPILOG = """\b
Examples:
  ccproxy usage                                     today (UTC), by backend and model
  ccproxy usage --from 2026-11-01 --to 2026-11-30   a month
  ccproxy usage --group-by agent --group-by rule
  ccproxy usage --json                              every token bucket, exact money
\b
"Would have cost" is what the same tokens cost at the model that the client asked for."""


@click.command(epilog=EPILOG)
@click.option("--from", "since", metavar="TIME", default="", help="A date, or a time such as 2026-11-21T09:00Z.")
@click.option("--to", "until", metavar="TIME", default="", help="A date includes its whole day.")
@click.option(
    "--group-by", "groups", multiple=True, type=click.Choice(GROUPS), default=DEFAULT_GROUPS, help="Repeat it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, since: str, until: str, groups: tuple[str, ...], as_json: bool) -> None:
    """Show calls, tokens, cost and savings."""
    state = running_state(Home(settings().home).state)
    if state is None:
        raise NotRunning
    answer = usage_answer(state.port, {"from": since, "to": until, "group_by": ",".join(groups)}, timeout_s=30.0)
    if answer.problem:
        raise Failure(answer.problem)
    if as_json:
        print_json(answer.figures)
    else:
        _print_table(answer.figures, groups)


def _print_table(answer: dict[str, object], groups: tuple[str, ...]) -> None:
    title = f"{answer.get('from')} to {answer.get('to')}"
    shown = table(title, *(name.capitalize() for name in groups), *FIGURE_COLUMNS, right=FIGURE_COLUMNS)
    listed, total = answer.get("groups"), answer.get("total")
    assert isinstance(listed, list)
    assert isinstance(total, dict)
    for group in listed:
        shown.add_row(*(str(group.get(name) or "–") for name in groups), *cells(figures(group)))
    shown.add_section()
    shown.add_row("total", *("" for _ in groups[1:]), *cells(figures(total)), style="bold")
    show(shown)
    _remarks(answer, figures(total).unpriced_calls)


def _remarks(answer: dict[str, object], unpriced: int) -> None:
    if unpriced:
        remark(f"{unpriced} attempts have no price: give their models a `price` in the ModelBackend.")
    if answer.get("missing_events"):
        remark(f"{answer['missing_events']} events of an earlier run have not arrived yet.")
