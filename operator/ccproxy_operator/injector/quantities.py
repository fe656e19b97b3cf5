"""Kubernetes quantities (`500m`, `1Gi`, `2e3`) as exact numbers, to compare them.

Pure. Facts: apimachinery `resource.Quantity`, Kubernetes 1.34. Next: `sidecar.py`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_UNITS: Final = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40), "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
}  # fmt: skip
_SHAPE: Final = re.compile(r"(\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})(?:([eE][+-]?\d{1,2})|([A-Za-z]{0,2}))", re.ASCII)


def quantity(text: str) -> Fraction | None:
    """The amount in its base unit (cores, bytes); `None` for what is no quantity of zero or more."""
    found = _SHAPE.fullmatch(text)
    if found is None or (found[3] or "") not in _UNITS:
        return None
    exponent = int(found[2][1:]) if found[2] else 0
    return Fraction(found[1]) * Fraction(10) ** exponent * _UNITS[found[3] or ""]


def same_quantity(one: str, other: str) -> bool:
    """Do both write the same amount? The API server writes `1024Mi` back as `1Gi`."""
    amount = quantity(one)
    return amount is not None and amount == quantity(other)
