"""The bearer token that guards a listener: read from a private file, compared in constant time.

Must not log or keep a token that a stranger sent. Next: `projected_token.py`.
"""

from __future__ import annotations

import hmac
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_token(path: Path) -> bytes:
    """The token in `path`, without white space around it.

    Raises: `OSError` when the file cannot be read, `ValueError` when it is empty or others may read it.
    """
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        raise ValueError(f"others may read {path.name}; `chmod 600` it")
    token = path.read_bytes().strip()
    if not token:
        raise ValueError(f"{path.name} is empty; it must hold the token")
    return token


def bearer_matches(header: str | None, token: bytes) -> bool:
    """Whether an `Authorization` header carries exactly `token`; the time it takes tells nothing about the token."""
    scheme, _, sent = (header or "").partition(" ")
    offered = sent.strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(offered, token) and scheme.lower() == "bearer" and bool(token)
