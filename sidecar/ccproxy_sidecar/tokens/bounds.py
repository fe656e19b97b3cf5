"""What a prompt's bytes alone say about its tokens, and whether that is enough for a rule.

True for every byte-level vocabulary: a token is at least one byte. The other end comes from the longest token of
o200k_base: 128 bytes, a run of spaces (its vocabulary, read 2026-11-21). Must not load a tokenizer.
Next: `estimate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ccproxy_contract.snapshot import TokenRange
from ccproxy_sidecar.dialects.dialect import Request

MAX_BYTES_PER_TOKEN = 128


def prompt_bounds(request: Request, texts: Iterable[str]) -> tuple[int, int]:
    """Least and most tokens of the prompt's text, pictures left out. `texts`: the request's own."""
    # A character is at least one byte, so counting characters keeps the lower bound true and copies nothing.
    chars = sum(len(text) for text in texts)
    return -(-chars // MAX_BYTES_PER_TOKEN), request.text_bytes


def within(wanted: TokenRange, *, low: int, high: int) -> bool | None:
    """Whether a count that lies in `low..high` lies in the wanted range; `None` when it cannot be told."""
    least = wanted.min if wanted.min is not None else 0
    if high < least or (wanted.max is not None and low > wanted.max):
        return False
    if low >= least and (wanted.max is None or high <= wanted.max):
        return True
    return None
