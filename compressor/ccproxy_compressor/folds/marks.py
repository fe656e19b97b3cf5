"""Ranges of bytes that can go, and the text that stands for them: the currency of every fold.

Must not know what is folded. Next: `screen.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ccproxy_contract.compress import Fold


def saving(folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """Those that make the text shorter, in their order."""
    return tuple(fold for fold in folds if len(fold.text.encode()) < fold.end - fold.begin)


def outside(folds: Iterable[Fold], taken: Iterable[Fold]) -> list[Fold]:
    """Those that touch no byte of `taken`. Both rise and are disjoint in themselves."""
    kept, ranges = [], iter(taken)
    present = next(ranges, None)
    for fold in folds:
        while present is not None and present.end <= fold.begin:
            present = next(ranges, None)
        if present is None or fold.end <= present.begin:
            kept.append(fold)
    return kept


def in_order(*folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """Disjoint folds of several kinds as one rising list."""
    return tuple(sorted((fold for kind in folds for fold in kind), key=lambda fold: fold.begin))
