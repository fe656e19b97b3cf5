"""`ccproxy status --context`: which sidecars run what, what is wrong, and what each tenant spent today.

Must not decide what is wrong (`cluster/overview.py` does). Next: `commands/usage.py`.
"""

from __future__ import annotations

import click

from ccproxy_cli.cluster.books import cluster_usage
from ccproxy_cli.cluster.kubectl import Kubectl
from ccproxy_cli.cluster.overview import Overview, overview
from ccproxy_cli.exits import PROBLEM
from ccproxy_cli.ledger_answer import Answer
from ccproxy_cli.terminal import print_json, say, show, table
from ccproxy_cli.usage_figures import FIGURE_COLUMNS, cells, cost, figures, money
from ccproxy_contract.names import GROUP

COUNTS = ("Sidecars", "In sync", "Stale", "Rejected")


def show_cluster(context: str, system: str, *, as_json: bool) -> None:
    """Print the overview; exits 1 when something is wrong."""
    kubectl = Kubectl(context)
    policies = kubectl.items(f"routingpolicies.{GROUP}")
    found = overview(policies, [*kubectl.items(f"modelbackends.{GROUP}"), *kubectl.items(f"tenants.{GROUP}")])
    today = cluster_usage(kubectl, system, {"group_by": "tenant"})
    if as_json:
        print_json({"policies": found.policies, "problems": found.problems, "today": today})
    else:
        _print_policies(found)
        _print_spend(today)
        for problem in found.problems:
            say(f"PROBLEM  {problem}")
    if found.problems:
        raise click.exceptions.Exit(PROBLEM)


def _print_policies(found: Overview) -> None:
    if not found.policies:
        say("No RoutingPolicy yet: `kubectl apply` one.")
        return
    shown = table("", "Policy", "Mode", *COUNTS, right=COUNTS)
    for row in found.policies:
        stale = row.selected - row.in_sync - row.rejected
        counts = (row.selected, row.in_sync, stale, row.rejected)
        shown.add_row(f"{row.namespace}/{row.name}", row.mode, *map(str, counts))
    show(shown)
    say("")


def _print_spend(today: Answer) -> None:
    if today.problem:
        say(f"Spend of today is not known now: {today.problem}")
        return
    shown = table("Today", "Tenant", *FIGURE_COLUMNS, right=FIGURE_COLUMNS)
    groups = today.figures.get("groups")
    for group in groups if isinstance(groups, list) else []:
        shown.add_row(str(group.get("tenant") or "–"), *cells(figures(group)))
    show(shown)
    total = today.figures.get("total")
    sums = figures(total if isinstance(total, dict) else {})
    say("")
    say(f"Spend today {cost(sums)}, saved {money(sums.savings)} in {sums.calls:,} calls.")
