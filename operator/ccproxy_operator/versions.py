"""What tells one object of a kind from another, and an older state of it from a newer one. Pure.

Must not hold state. Next: `objects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Named = tuple[str, str]
"""Namespace (empty: cluster-wide) and name."""


def named_of(metadata: Mapping[str, Any]) -> Named:
    """Which object it is."""
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def version_of(metadata: Mapping[str, Any]) -> int:
    """Its resourceVersion, or that of a list; 0: none.

    They grow within one cluster (guaranteed since Kubernetes 1.35, true of etcd before).
    """
    text = str(metadata.get("resourceVersion") or "")
    return int(text) if text.isascii() and text.isdigit() else 0
