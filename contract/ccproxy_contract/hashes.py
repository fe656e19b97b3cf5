"""Content hashes of the things that processes hand each other: same content, same hash, on every machine.

Next: `prices.py`.
"""

from __future__ import annotations

import hashlib

import msgspec

_canonical = msgspec.json.Encoder(order="deterministic")


def content_hash(value: object) -> str:
    """`sha256:` and 32 hex digits over the value's canonical JSON (sorted keys, no white space)."""
    return "sha256:" + hashlib.sha256(_canonical.encode(value)).hexdigest()[:32]
