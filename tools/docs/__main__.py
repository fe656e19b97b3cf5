"""Fills the generated parts of docs/*.md; `--check` writes nothing and exits 1 when a part is not what the code says.

A part stands between `<!-- generated: NAME -->` and `<!-- end generated -->`. Next: `fields.py`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.secret import Secret
from ccproxy_policy.kinds.tenant import Tenant
from tools.docs.agents import agent_table
from tools.docs.answer import row_columns, usage_json
from tools.docs.environment import cli_table, ledger_table, sidecar_table
from tools.docs.fields import field_table
from tools.docs.injection import pod_environment
from tools.docs.metrics import injector_metrics, ledger_metrics, operator_metrics, sidecar_metrics
from tools.docs.planned import planned_list
from tools.docs.providers import provider_table
from tools.docs.rights import rights_table

FOLDER = Path(__file__).resolve().parents[2] / "docs"
PARTS: Mapping[str, Callable[[], str]] = {
    "fields RoutingPolicy": lambda: field_table(RoutingPolicy),
    "fields ModelBackend": lambda: field_table(ModelBackend),
    "fields Tenant": lambda: field_table(Tenant),
    "fields Secret": lambda: field_table(Secret),
    "planned": planned_list,
    "providers": provider_table,
    "environment cli": cli_table,
    "environment sidecar": sidecar_table,
    "environment ledger": ledger_table,
    "agents": agent_table,
    "metrics sidecar": sidecar_metrics,
    "metrics ledger": ledger_metrics,
    "metrics operator": operator_metrics,
    "metrics injector": injector_metrics,
    "pod environment": pod_environment,
    "rights": rights_table,
    "row": row_columns,
    "usage answer": usage_json,
}
_PART = re.compile(r"(<!-- generated: (?P<name>[\w ]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with every part as the code says. Raises: `KeyError` for a part that nobody makes."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]().strip()}\n\n{found[3]}", page)


def main(arguments: list[str]) -> int:
    """0: all pages are as the code says (now); 1: `--check` found one that is not."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    stale = {}
    for path in sorted(FOLDER.rglob("*.md")):
        page = path.read_text()
        if (wanted := filled(page)) != page:
            stale[path] = wanted
    if check:
        for path in stale:
            print(
                f"docs/{path.relative_to(FOLDER)} is not what the code says; run `python -m tools.docs`",
                file=sys.stderr,
            )
        return 1 if stale else 0
    for path, wanted in stale.items():
        path.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
