"""What a request asks for, whatever its dialect: the script answers this.

Must not hold wire names. Next: `script.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tests.fakes.provider.prefix_cache import Part


class Refused(Exception):
    """The request is not acceptable. `kind` is the dialect's own type or status word; empty: what fits `status`."""

    def __init__(self, status: int, message: str, *, kind: str = "", param: str | None = None, code: str | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may call. `schema` is the JSON schema of its arguments."""

    name: str
    schema: dict[str, Any]
    namespace: str = ""
    """The group that it stands in (Responses)."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Token counts; `parts` is the whole prompt in the provider's order (tools, system, messages)."""

    model: str
    stream: bool = False
    max_tokens: int | None = None
    thinking: bool = False
    tools: tuple[Tool, ...] = ()
    must_call: str = ""
    """Empty: as it likes; `any`: some tool; else the tool of this name."""
    system: str = ""
    last_text: str = ""
    after_tool: bool = False
    """The newest turn holds results of tools."""
    schema: dict[str, Any] | None = None
    """The answer has to be JSON of this shape."""
    stops: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        return sum(part.tokens for part in self.parts)
