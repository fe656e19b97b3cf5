"""What a thing under test is: how it starts, what it is sent, what must be installed.

Must not start anything. Next: `sidecar_target.py`, `peer_targets.py`, `targets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

Shape = Literal["chat", "messages"]
PATHS: Mapping[Shape, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
_BODY_PREFIX: Mapping[Shape, str] = {"chat": "oai", "messages": "ant"}


def no_headers(provider_port: int) -> tuple[str, ...]:  # noqa: ARG001 (a target's headers may name the provider)
    return ()


def no_preparation(provider_port: int, port: int) -> None:
    """Most targets need nothing written before they start."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway in one shape. `command` gets the provider's port and the gateway's own."""

    name: str
    shape: Shape = "chat"
    command: Callable[[int, int], list[str]] | None
    """`None`: the load goes to the provider itself."""
    prepare: Callable[[int, int], None] = no_preparation
    headers: Callable[[int], tuple[str, ...]] = no_headers
    env: Mapping[str, str] = {}
    settle_s: float = 1.0
    """Rest between the open port and the first measurement."""
    port_per_provider: bool = False
    """Listens at the provider's port + `GATEWAY_OFFSET` instead of the one it is told."""
    peer: bool = False
    """Somebody else's gateway: measured only where a bar compares with it."""
    needs: tuple[Path, ...] = ()
    install: str = "make bench-peers"

    @property
    def path(self) -> str:
        return PATHS[self.shape]

    def body(self, name: str) -> str:
        """File name of a body in the target's shape: `1k`, `1k_stream`, `100k`, `800k`."""
        return f"{_BODY_PREFIX[self.shape]}_{name}.json"

    def missing(self) -> str:
        """Why the target cannot run here; empty when it can."""
        absent = [path.name for path in self.needs if not path.exists()]
        return f"{', '.join(absent)} not installed ({self.install})" if absent else ""
