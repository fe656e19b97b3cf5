"""Exact counts of o200k_base, made in one worker thread in small slices.

The tokenizer holds the interpreter's lock while it counts (22 ms for a cold 0.7 MB, performance.md §3.2), so text goes
to it in slices of about half a millisecond. It is loaded on the first count (70 MB, 50 ms) and never before. Must not
count images. Next: `../sessions/calibration.py`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

MAX_SLICE_CHARS = 16_000
"""About 0.5 ms of counting."""
CUT_WINDOW_CHARS = 2_000
MAX_KEPT_COUNTS = 8_192
"""Counts kept by the hash of their text: the texts of an agent's earlier turns come again with every turn."""

_between_words = re.compile(r"[A-Za-z](?= [A-Za-z])")
"""A place where o200k's pre-tokenizer always cuts, so counts of the two sides add up exactly."""


class TokenCounter:
    """Counts tokens off the event loop. One per process; close it on the way out."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokens")
        self._count_slice: Callable[[str], int] | None = None
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    async def count(self, texts: tuple[str, ...]) -> int:
        """Tokens of all texts; each is counted by itself."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._count_all, texts)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _count_all(self, texts: tuple[str, ...]) -> int:
        return sum(self._kept_count(text) for text in texts)

    def _kept_count(self, text: str) -> int:
        raw = text.encode("utf-8", "replace")
        key = blake2b(raw, digest_size=16).digest()
        kept = self._counts.get(key)
        if kept is not None:
            self._counts.move_to_end(key)
            return kept
        tokens = sum(self._counted(piece) for piece in slices(raw.decode()))
        self._counts[key] = tokens
        if len(self._counts) > MAX_KEPT_COUNTS:
            self._counts.popitem(last=False)
        return tokens

    def _counted(self, piece: str) -> int:
        if self._count_slice is None:
            # Here and not at the top: importing maps 50 MB that most processes never need.
            from rs_bpe.bpe import openai

            self._count_slice = openai.o200k_base().count
        tokens = int(self._count_slice(piece))
        time.sleep(0)  # hands the interpreter's lock to the event loop
        return tokens


def slices(text: str) -> list[str]:
    """The text in pieces of at most `MAX_SLICE_CHARS`, cut between words where there are any."""
    pieces, start = [], 0
    while len(text) - start > MAX_SLICE_CHARS:
        end = start + MAX_SLICE_CHARS
        window = text[end - CUT_WINDOW_CHARS : end + 1]
        cut = next(_between_words.finditer(window), None)
        if cut is not None:
            end += cut.end() - CUT_WINDOW_CHARS
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces
