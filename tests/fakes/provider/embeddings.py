"""OpenAI embeddings: vectors that depend on the text alone. Shapes: openai-py 3.52.0, 2026-11.

Must not send anything. Next: `delivery.py`.
"""

from __future__ import annotations

import base64
import random
import struct
import zlib
from typing import Any

from ccproxy_contract.usage import Usage
from tests.fakes.provider import tokens
from tests.fakes.provider.answer import Answer, Incoming, whole
from tests.fakes.provider.chat_check import refuse

DIMENSIONS = 64
"""Real ones have 1,536 and more; nobody looks at them here."""


def answer(incoming: Incoming) -> Answer:
    """`POST /v1/embeddings`. Raises `Refused`."""
    body = incoming.json
    if not isinstance(body.get("model"), str):
        raise refuse("you must provide a model parameter")
    texts = _inputs(body.get("input"))
    many = body.get("dimensions") or DIMENSIONS
    as_base64 = body.get("encoding_format") == "base64"
    listed = [
        {"object": "embedding", "index": at, "embedding": _written(vector(text, many), as_base64)}
        for at, text in enumerate(texts)
    ]
    used = sum(tokens.count(text) for text in texts)
    counted = {"prompt_tokens": used, "total_tokens": used}
    value = {"object": "list", "data": listed, "model": body["model"], "usage": counted}
    return whole(value, Usage(uncached=used), model=body["model"])


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The same text always gets the same vector."""
    chance = random.Random(zlib.crc32(text.encode()))
    return [round(chance.uniform(-1, 1), 6) for _ in range(dimensions)]


def _inputs(given: Any) -> list[str]:
    if isinstance(given, str) and given:
        return [given]
    if not isinstance(given, list) or not given:
        raise refuse("'$.input' is invalid. Please check the API reference.", "input")
    if all(isinstance(one, int) for one in given):
        return [" ".join(map(str, given))]
    return [one if isinstance(one, str) else " ".join(map(str, one)) for one in given]


def _written(numbers: list[float], as_base64: bool) -> list[float] | str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if as_base64 else numbers
