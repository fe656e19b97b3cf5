"""Answers as providers send them: the bytes, and the pieces and headers in which they arrive. Made up from a seed.

Must not depend on what was asked but for its dialect and whether it streams. Next: `edits.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from ccproxy_contract.snapshot import DialectName
from tests.bytes.wire import Headers
from tests.sidecar.dialects.recorded import blob, shuffled, words, written
from tests.sidecar.dialects.recorded_streams import STREAMS


@dataclass(frozen=True)
class Prepared:
    """An answer: `pieces` are written one by one, with a chance for the reader in between."""

    status: int
    headers: Headers
    pieces: list[bytes]
    chunked: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def prepared(rng: Random, dialect: DialectName, *, stream: bool) -> Prepared:
    """An answer in `dialect`; one in twenty is a refusal."""
    refused = rng.random() < 0.05
    if stream and not refused:
        return Prepared(
            200, _headers(rng, "text/event-stream; charset=utf-8"), _cut(rng, _streamed(rng, dialect)), True
        )
    body = written(rng, _refusal(rng) if refused else _whole(rng, dialect))
    headers = _headers(rng, rng.choice(["application/json", "application/json; charset=utf-8"]))
    return Prepared(rng.choice([400, 403, 404, 422]) if refused else 200, headers, _cut(rng, body), rng.random() < 0.5)


def _streamed(rng: Random, dialect: DialectName) -> bytes:
    return STREAMS[dialect](rng).raw


def _whole(rng: Random, dialect: DialectName) -> dict[str, Any]:
    """JSON of roughly the dialect's shape: usage where it belongs, and members that nobody knows."""
    usage: dict[str, dict[str, Any]] = {
        "anthropic-messages": {"usage": {"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": None}},
        "openai-chat": {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}},
        "openai-responses": {"usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}},
        "gemini-generate": {"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}},
        "openai-embeddings": {"usage": {"prompt_tokens": 7, "total_tokens": 7}},
    }
    members: dict[str, Any] = {
        "id": "x_1",
        "model": "m",
        "signature": blob(rng),
        "content": [{"type": "text", "text": words(rng)}],
        "of_tomorrow": {"deep": [[{}]], "big": 12345678901234567890, "small": 1e-9, "null": None},
        **usage[dialect],
    }
    return shuffled(rng, members)


def _refusal(rng: Random) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": words(rng)}, "request_id": "r"}


def _headers(rng: Random, content_type: str) -> Headers:
    listed = [
        ("Content-Type", content_type),
        ("Request-Id", f"req_{rng.randrange(10**9)}"),
        ("Set-Cookie", "a=1; Path=/; HttpOnly"),
        ("Set-Cookie", "b=2"),
        ("anthropic-ratelimit-requests-remaining", str(rng.randrange(50))),
        ("X-Odd-Header", json.dumps({"k": [1, 2]})),
        ("Server-Timing", "x;dur=1.5"),
        ("Keep-Alive", "timeout=5"),
    ]
    rng.shuffle(listed)
    return tuple(listed)


def _cut(rng: Random, body: bytes) -> list[bytes]:
    """Cut anywhere: inside a character, between the two bytes of a line end, byte by byte."""
    if rng.random() < 0.05 and len(body) < 3_000:
        return [body[at : at + 1] for at in range(len(body))]
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.choice([0, 1, 4, 20])))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    return [piece for piece in pieces if piece]
