"""What the provider saw: one record per request, with what it charged. The truth that ledgers are compared with.

Must not forget anything until it is told to. Next: `delivery.py`.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

import msgspec

from ccproxy_contract.usage import NO_USAGE, Usage

Outcome = Literal["open", "finished", "client gone", "fault"]


class Seen(msgspec.Struct, kw_only=True):
    """A request and how its answer went. `headers` as they came, in order; `body` as it came."""

    number: int
    at_s: float
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    model: str = ""
    key: str = ""
    dialect: str = ""
    stream: bool = False
    status: int = 0
    """The status that was sent; 0 when none was."""
    fault: str = ""
    outcome: Outcome = "open"
    charged: Usage = NO_USAGE
    """Of this request alone, in disjoint buckets; nothing when it failed."""
    sent_bytes: int = 0
    took_s: float = 0.0

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def line(self) -> bytes:
        """A JSON line; the body as base64."""
        told = msgspec.structs.asdict(self) | {"body": base64.b64encode(self.body).decode()}
        return msgspec.json.encode(told) + b"\n"


def seen_from_line(line: bytes) -> Seen:
    """Read what `Seen.line` wrote."""
    return msgspec.json.decode(line, type=Seen)
