"""Prometheus text format 0.0.4: how names, labels and numbers are written.

Must not hold state. Next: `variables.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def head(name: str, kind: Kind, help: str) -> str:
    """The two lines that come before a family's samples."""
    return f"# HELP {name} {help.translate(_IN_HELP)}\n# TYPE {name} {kind}\n"


def label_pairs(names: Iterable[str], values: Iterable[str]) -> str:
    """`a="x",b="y"`, escaped; empty without labels."""
    return ",".join(f'{name}="{value.translate(_IN_LABEL)}"' for name, value in zip(names, values, strict=True))


def sample(name: str, pairs: str, number: str) -> str:
    """One line of one series; `pairs` comes from `label_pairs`."""
    return f"{name}{{{pairs}}} {number}\n" if pairs else f"{name} {number}\n"


def number_text(value: int | float) -> str:
    """A sample's value as Prometheus reads it."""
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)


def scaled_text(value: int | float, scale: int) -> str:
    """`value / scale` as exact decimals; `scale` is a power of ten. A float `value` counts as the nearest integer."""
    if scale == 1:
        return number_text(value)
    whole, part = divmod(abs(round(value)), scale)
    digits = str(part).zfill(len(str(scale)) - 1).rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
