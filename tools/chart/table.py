"""A table of values from values.yaml: path, default, and the comment above it. Every value has one.

Must not know this chart. Next: `charts/ccproxy/values.yaml`.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import yaml


class Row(NamedTuple):
    """One value."""

    path: str
    default: str
    reason: str


def rows(text: str) -> list[Row]:
    """Raises: `ValueError` naming a value without a comment."""
    found: list[Row] = []
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise ValueError("values.yaml is no mapping")
    _walk(document, "", text.splitlines(), found)
    return found


def table(found: list[Row]) -> str:
    """Markdown."""
    lines = ["| Value | Default | Why |", "|---|---|---|"]
    lines += [f"| `{row.path}` | `{row.default}` | {row.reason.replace('|', '&#124;')} |" for row in found]
    return "\n".join(lines) + "\n"


def _walk(mapping: yaml.MappingNode, above: str, lines: list[str], found: list[Row]) -> None:
    for key, value in mapping.value:
        path = f"{above}{key.value}"
        reason = _comment(lines, key.start_mark.line)
        if reason and (above or not isinstance(value, yaml.MappingNode)):
            found.append(Row(path, json.dumps(_plain(value)), reason))
        elif isinstance(value, yaml.MappingNode) and value.value:
            _walk(value, f"{path}.", lines, found)
        else:
            raise ValueError(f"{path} has no comment")


def _plain(node: yaml.Node) -> object:
    return yaml.safe_load(yaml.serialize(node))


def _comment(lines: list[str], at: int) -> str:
    said: list[str] = []
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
        said.insert(0, lines[at].lstrip(" #"))
    return " ".join(said)
