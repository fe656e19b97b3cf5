"""Readings of environment variables that the settings of several processes share; an empty value counts as not set.

Every reading takes the environment as a mapping: the process's own is touched in `settings.py` files only.
Must not know what a variable is for. Next: `background.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def required(env: Mapping[str, str], name: str, *, set_by: str) -> str:
    """The value. Raises: `ValueError` naming the variable and, in words, who sets it."""
    value = env.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set; {set_by}")
    return value


def number(env: Mapping[str, str], name: str, default: int) -> int:
    """A whole number, never negative. Raises: `ValueError` naming the variable."""
    text = env.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{name}={text!r} is not a whole number")
    return int(text)


def path(env: Mapping[str, str], name: str) -> Path | None:
    """A file or folder; None when nobody named one."""
    value = env.get(name, "")
    return Path(value) if value else None


def api_server(env: Mapping[str, str]) -> str:
    """URL of the cluster's API server, as kubelet tells every pod; empty outside of a cluster."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return ""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
