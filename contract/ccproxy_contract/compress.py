"""Compression's two halves speak these words: a sidecar sends segments, a compressor answers what can go of each.

The compressor sees segments only, never a request. Byte ranges count UTF-8 bytes of the segment's own text, begin
included, end excluded, rising and disjoint. Must not hold I/O. Next: `features.py`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["Lossless", "Ingest", "Epoch", "Select"]
SegmentKind = Literal["ToolResult", "Text", "Document", "Code", "Log", "Json"]
FoldKind = Literal["Duplicate", "Ansi", "TrailingSpace", "RepeatedLines"]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Every part is immutable and camelCase on the wire; unknown fields are ignored, so that versions can roll."""


class Segment(Part, frozen=True):
    """A piece of a conversation that may shrink. `id` is the sidecar's own word for it."""

    id: str
    kind: SegmentKind
    text: str
    query: str = ""
    """What the conversation is after; only models use it."""


class CompressRequest(Part, frozen=True):
    """Segments in the order of the conversation: a duplicate is a copy of something before it."""

    mode: Mode
    segments: tuple[Segment, ...]
    algo: str = ""
    """The algorithm that the snapshot names; empty: the compressor's own. Same text, same algo, same answer."""


class Fold(Part, frozen=True):
    """Bytes `begin` to `end` of the segment become `text`. `copy_of`: id of the segment that holds the same text."""

    kind: FoldKind
    begin: int
    end: int
    text: str = ""
    copy_of: str = ""


class SegmentAnswer(Part, frozen=True):
    """What can go of one segment. No folds: it stays as it is, and `reason` says why."""

    id: str
    folds: tuple[Fold, ...] = ()
    tokens_before: int = 0
    tokens_after: int = 0
    reason: str = ""


class CompressAnswer(Part, frozen=True):
    """One answer per segment, in the order of the request. `tokenizer` names what counted the tokens."""

    algo: str
    tokenizer: str
    segments: tuple[SegmentAnswer, ...]


def applied(text: str, folds: tuple[Fold, ...]) -> str:
    """The segment's text with its folds carried out. Raises `ValueError` for ranges that overlap or split a letter."""
    raw, out, position = text.encode(), bytearray(), 0
    for fold in folds:
        if not position <= fold.begin <= fold.end <= len(raw):
            raise ValueError(f"fold {fold.begin}-{fold.end} is out of order or out of range")
        out += raw[position : fold.begin] + fold.text.encode()
        position = fold.end
    return (out + raw[position:]).decode()
