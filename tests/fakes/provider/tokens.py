"""The provider's tokenizer: four bytes are a token. Deterministic, so that every usage can be recomputed by hand.

Must not be used by what is tested: only the provider counts like this. Next: `prefix_cache.py`.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

BYTES_PER_TOKEN = 4
IMAGE_TOKENS = 1_568
"""Per image, whatever its size (Anthropic: width * height / 750, about 1,600 at most; vision guide, 2026-11)."""
DOCUMENT_TOKENS = 2_400
TURN_TOKENS = 3
"""What the wrapping of one message costs."""


def count(text: str | bytes) -> int:
    """Tokens of a text; at least one when there is any."""
    size = len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else len(text)
    return -(-size // BYTES_PER_TOKEN)


def encoded(value: Any) -> bytes:
    """A JSON value as compact bytes; the order of keys is kept, as it is part of a prompt."""
    return msgspec.json.encode(value)


def media_digest(source: Any) -> bytes:
    """Stands for a picture or a document in a prompt's prefix."""
    return hashlib.blake2b(encoded(source), digest_size=16).digest()
