"""What the ledger says of a time, asked through the sidecar's data port; and in words why it says nothing.

Next: `usage_figures.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from ccproxy_cli.loopback import Reply, ask
from ccproxy_contract.names import PATH_USAGE


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`figures` as the ledger gave them; empty with a `problem`."""

    figures: dict[str, object] = {}
    problem: str = ""


def usage_answer(port: int, parameters: Mapping[str, str], *, timeout_s: float) -> Answer:
    """GET /usage with these parameters (`from`, `to`, `group_by`); those that are empty are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return _answer(ask(port, f"{PATH_USAGE}?{query}", timeout_s=timeout_s))


def _answer(reply: Reply | None) -> Answer:
    if reply is None:
        return Answer(problem="no answer in time; calls do not wait for it. `ccproxy logs` may know why")
    said = reply.json
    if reply.status == 200 and isinstance(said, dict):
        return Answer(figures=said)
    error = said.get("error", "") if isinstance(said, dict) else said
    return Answer(problem=str(error)[:300] or f"the ledger answered with status {reply.status}")
