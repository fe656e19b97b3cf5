"""What a cluster's objects say of themselves, as rows: who runs what, who is behind, what is wrong. Pure.

Must not ask the cluster. Next: `../commands/status.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

WRONG_WHEN_FALSE = ("Accepted", "ResolvedRefs", "CredentialsValid", "CompressorReady", "Programmed")


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One RoutingPolicy."""

    namespace: str
    name: str
    mode: str
    selected: int
    in_sync: int
    rejected: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a cluster. `problems` are sentences."""

    policies: tuple[PolicyRow, ...]
    problems: tuple[str, ...]

    @property
    def stale(self) -> int:
        """Pairs of policy and sidecar that are behind."""
        return sum(row.selected - row.in_sync for row in self.policies)


def overview(policies: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> Overview:
    """From the objects as the API server hands them out."""
    listed = list(policies)
    rows = tuple(sorted((_row(item) for item in listed), key=lambda row: (row.namespace, row.name)))
    problems = tuple(sentence for item in (*listed, *others) for sentence in _problems(item))
    return Overview(policies=rows, problems=problems)


def _row(item: Mapping[str, Any]) -> PolicyRow:
    metadata, sidecars = item["metadata"], item.get("status", {}).get("sidecars", {})
    return PolicyRow(
        namespace=metadata["namespace"],
        name=metadata["name"],
        mode=item["spec"].get("mode", "Enforce"),
        selected=int(sidecars.get("selected", 0)),
        in_sync=int(sidecars.get("inSync", 0)),
        rejected=int(sidecars.get("rejected", 0)),
    )


def _problems(item: Mapping[str, Any]) -> Iterable[str]:
    metadata = item["metadata"]
    name = f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}".replace(" /", " ")
    conditions = item.get("status", {}).get("conditions", [])
    if not conditions:
        yield f"{name} has no status yet: is the operator running?"
    told = set()
    for condition in conditions:
        off = condition["reason"] == "Off"
        false = condition["status"] == "False" and condition["type"] in WRONG_WHEN_FALSE
        if false and not off and condition["message"] not in told:  # two conditions may speak of one Secret
            told.add(condition["message"])
            yield f"{name}: {condition['type']} is false ({condition['reason']}): {condition['message']}"
