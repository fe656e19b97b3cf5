"""`ccproxy status`: what runs, what is wrong with it, and what today's calls cost. Next: `usage.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from ccproxy_cli.exits import NOT_RUNNING, NotRunning
from ccproxy_cli.home import Home
from ccproxy_cli.ledger_answer import Answer, usage_answer
from ccproxy_cli.loopback import ask
from ccproxy_cli.screens import ago, counts
from ccproxy_cli.settings import settings
from ccproxy_cli.state import State, running_state
from ccproxy_cli.terminal import print_json, say, show, table
from ccproxy_cli.usage_figures import FIGURE_COLUMNS, Figures, cells, cost, figures, money
from ccproxy_contract.names import PATH_STATE, SYSTEM_NAMESPACE

EPILOG = """\b
Examples:
  ccproxy status
  ccproxy status --json
  ccproxy status --context prod     of a cluster
\b
Today is the day in UTC. Exits 3 when ccproxy is not running."""


@click.command(epilog=EPILOG)
@click.option("--context", help="A context of kubectl; empty for the current one: show that cluster.")
@click.option("--system", default=SYSTEM_NAMESPACE, help="With --context: the namespace of ccproxy itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, context: str | None, system: str, as_json: bool) -> None:
    """Show what runs, what it sent where and what that cost today."""
    if context is not None:
        from ccproxy_cli.cluster_status import show_cluster

        show_cluster(context, system, as_json=as_json)
        return
    state = running_state(Home(settings().home).state)
    if state is None:
        if as_json:
            print_json({"running": False})
            raise click.exceptions.Exit(NOT_RUNNING)
        raise NotRunning
    today = usage_answer(state.port, {"group_by": "backend,model"}, timeout_s=3.0)
    problems = list(problems_of(state, sidecar_problem(state.port)))
    if as_json:
        print_json({"running": True, "address": state.address, "problems": problems, "today": today, "state": state})
        return
    _print_state(state)
    _print_today(state, today)
    for problem in problems:
        say(f"PROBLEM  {problem}")


def sidecar_problem(port: int) -> str:
    """What the sidecar says against what it was last given; empty when nothing."""
    reply = ask(port, PATH_STATE, timeout_s=2.0)
    if reply is None or not isinstance(reply.json, dict):
        return "the sidecar does not answer"
    return str(reply.json.get("problem") or "")


def problems_of(state: State, said: str) -> Iterator[str]:
    """Everything that a user should look at, a sentence each."""
    if state.reload.report.problems:
        yield "the last edit of the policies has problems; the earlier policies stay in force:"
        yield from map(str, state.reload.report.problems)
    if said:
        yield said
    for process in state.processes:
        if process.phase == "waiting":
            yield f"{process.name} ended ({process.last_exit}) and is tried again; see `ccproxy logs`"


def _print_state(state: State) -> None:
    now_ms = time.time_ns() // 1_000_000
    say(f"ccproxy {state.version} serves on {state.address} for {ago(now_ms - state.serving_since_ms)}")
    looked = ago(now_ms - state.reload.at_ms)
    outcome = "refused" if state.reload.report.problems else "good"
    say(f"policies {state.config}: {counts(state.running)}; last reload {looked} ago, {outcome}")
    shown = table("", "Process", "State", "Pid", "Restarts", "Last exit", right=("Pid", "Restarts"))
    for process in state.processes:
        pid = str(process.identity.pid) if process.identity else "–"
        shown.add_row(process.name, process.phase, pid, str(process.restarts), process.last_exit or "–")
    say("")
    show(shown)
    say("")


def _print_today(state: State, today: Answer) -> None:
    if today.problem:
        say(f"Spend of today is not known now: {today.problem}")
        return
    shown = table("Today", "Target", "Model", *FIGURE_COLUMNS, right=FIGURE_COLUMNS)
    for backend, model, sums in _targets(state, today.figures):
        shown.add_row(backend, model, *cells(sums))
    show(shown)
    say("")
    total = figures(_mapping(today.figures.get("total")))
    say(f"Spend today {cost(total)}, saved {money(total.savings)} in {total.calls:,} calls.")


def _targets(state: State, answer: dict[str, object]) -> Iterator[tuple[str, str, Figures]]:
    """What was called today, then the backends that were not."""
    groups = answer.get("groups")
    called = [_mapping(group) for group in groups] if isinstance(groups, list) else []
    for group in called:
        yield str(group.get("backend") or "–"), str(group.get("model") or "–"), figures(group)
    for backend in state.running.backends:
        if backend.name not in {group.get("backend") for group in called}:
            yield backend.name, "–", Figures()


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
