"""Reads the one object we need out of the last bytes of an event that was too long to keep.

Providers write usage behind the content (Responses, Gemini, 2026-11), so it survives in the tail. Must not guess: what
is not whole is not read. Next: `openai_embeddings.py`.
"""

from __future__ import annotations

import json

_decoder = json.JSONDecoder()


def object_behind(tail: bytes, key: bytes) -> bytes:
    """The JSON object that follows the last `key` (quotes included) in `tail`; empty when none is whole."""
    at = tail.rfind(key)
    text = tail[at + len(key) :].decode("utf-8", "replace").lstrip(" :") if at >= 0 else ""
    if not text.startswith("{"):
        return b""
    try:
        _, end = _decoder.raw_decode(text)
    except ValueError:
        return b""
    return text[:end].encode()
