"""What a decision may change, undone by hand: what is left must be what was sent. Shares no code with the product.

Next: `test_bytes.py`.
"""

from __future__ import annotations

import json
import re
from typing import Any

RENAMED = "the-rule's-own/model-77"
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def without_rename(received: bytes, sent: bytes) -> list[bytes]:
    """The client's own model name put back, in each spelling of it that the client's body holds."""
    ours = json.dumps(RENAMED).encode()
    assert received.count(ours) == 1
    model = json.loads(sent)["model"]
    spellings = {text for text in _STRINGS.findall(sent) if json.loads(text) == model}
    return [received.replace(ours, text) for text in spellings]


def asks_for_usage(received: bytes, sent: bytes) -> bool:
    """Is the only difference that `stream_options.include_usage` is true now?"""
    before, after = json.loads(sent), json.loads(received)
    options: dict[str, Any] = {**(before.get("stream_options") or {}), "include_usage": True}
    if after != {**before, "stream_options": options}:
        return False
    start = _common(received, sent)
    end = _common(received[start:][::-1], sent[start:][::-1])
    removed, added = sent[start : len(sent) - end], received[start : len(received) - end]
    return len(removed) <= len(b"false") and len(added) <= len(b'"stream_options":{"include_usage":true},')


def _common(one: bytes, other: bytes) -> int:
    """How many bytes they begin with in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def without_usage_event(stream: bytes) -> bytes:
    """A Chat stream less the one event that holds usage and no choice."""
    kept = [event for event in re.findall(rb".*?(?:\r\n\r\n|\n\n)", stream, re.DOTALL) if not _only_counts(event)]
    return b"".join(kept)


def _only_counts(event: bytes) -> bool:
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    data = b"\n".join(lines).strip()
    return data.startswith(b"{") and json.loads(data)["choices"] == []
