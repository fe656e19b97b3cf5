"""The segments of one conversation to answers: every fold that applies, in one pass from the first to the last.

A pure function of the segments in their order and of `ALGO`: a sidecar without a record asks again and gets the same
bytes. Must not count time or depend on anything outside. Next: `../tokens.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ccproxy_compressor.folds.copies import Copies
from ccproxy_compressor.folds.marks import in_order, outside, saving
from ccproxy_compressor.folds.repeats import repeat_folds
from ccproxy_compressor.folds.screen import screen_folds
from ccproxy_contract.compress import Fold, Segment, SegmentAnswer, SegmentKind, applied

ALGO: Final = "lossless-1"
"""Changes whenever the same text would get another answer."""
SCREENED: Final[frozenset[SegmentKind]] = frozenset({"ToolResult", "Log"})
"""Kinds that a program wrote. White space in code and prose may mean something."""

CountTokens = Callable[[str], int]


def lossless(segments: tuple[Segment, ...], count: CountTokens) -> tuple[SegmentAnswer, ...]:
    """One answer per segment."""
    copies = Copies()
    return tuple(_answer(segment, copies, count) for segment in segments)


def _answer(segment: Segment, copies: Copies, count: CountTokens) -> SegmentAnswer:
    raw = segment.text.encode()
    copy = copies.fold(segment, raw)
    folds = (copy,) if copy is not None else _folds(segment.kind, raw)
    before = count(segment.text)
    after = count(applied(segment.text, folds)) if folds else before
    if after >= before:
        return SegmentAnswer(id=segment.id, tokens_before=before, tokens_after=before, reason="nothing to fold")
    return SegmentAnswer(id=segment.id, folds=folds, tokens_before=before, tokens_after=after)


def _folds(kind: SegmentKind, raw: bytes) -> tuple[Fold, ...]:
    if kind not in SCREENED:
        return ()
    repeats = saving(repeat_folds(raw))
    return in_order(repeats, outside(saving(screen_folds(raw)), repeats))
