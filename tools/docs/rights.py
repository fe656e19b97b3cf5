"""What each rule of RBAC in the chart is for, read from the templates' own comments. Next: `table.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from tools.docs.table import table

TEMPLATES = Path(__file__).resolve().parents[2] / "charts" / "ccproxy" / "templates"
SAME = "As above"
_ROLE = re.compile(r"^kind: (?P<kind>ClusterRole|Role)\nmetadata:\n  name: (?P<name>\S+)$", re.MULTILINE)
_RULE = re.compile(r"^(?P<comment>(?:  #[^\n]*\n)+)(?P<rule>  - apiGroups:.*?)(?=^  #|\Z)", re.MULTILINE | re.DOTALL)


class Right(NamedTuple):
    """One rule. `resources` carry their group (`apps/deployments`), `names` are the only objects meant; empty: all."""

    role: str
    what_for: str
    resources: tuple[str, ...]
    names: tuple[str, ...]
    verbs: tuple[str, ...]


def rights() -> Iterator[Right]:
    """Every rule of every role, in the order of the files."""
    for path in sorted(TEMPLATES.rglob("*.yaml")):
        for document in re.split(r"^---$", path.read_text(), flags=re.MULTILINE):
            yield from _of(document)


def rights_table() -> str:
    """A rule that says "As above" says what the one before it says, and perhaps more: "As above; this one alone."."""
    rows, said = [], ""
    for right in rights():
        same, more = right.what_for.startswith(SAME), right.what_for.removeprefix(SAME).removeprefix(".")
        said = f"{said.split('. ')[0].rstrip('.')}{more}" if same and more else said if same else right.what_for
        what = ", ".join(f"`{resource}`" for resource in right.resources)
        names = f" ({', '.join(f'`{name}`' for name in right.names)})" if right.names else ""
        rows.append((f"`{right.role}`", what + names, " ".join(right.verbs), said))
    return table(("Role", "On", "May", "For"), rows)


def _of(document: str) -> Iterator[Right]:
    role = _ROLE.search(document)
    if role is None:
        return
    rules = re.sub(r"^ *\{\{-.*\}\}\n", "", document[document.index("\nrules:\n") + 8 :], flags=re.MULTILINE)
    for found in _RULE.finditer(rules):
        (rule,) = yaml.safe_load(found["rule"])
        groups = [f"{group}/" if group else "" for group in rule["apiGroups"]]
        yield Right(
            role=f"{role['kind']} {role['name']}",
            what_for=" ".join(line.strip().removeprefix("#").strip() for line in found["comment"].splitlines()),
            resources=tuple(f"{group}{resource}" for group in groups for resource in rule["resources"]),
            names=tuple(rule.get("resourceNames", ())),
            verbs=tuple(rule["verbs"]),
        )
