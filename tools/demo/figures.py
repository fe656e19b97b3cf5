"""Reads what ccproxy says of itself: `/usage` and `/metrics`. The receipt shows these figures and no others.

Must not add up calls on its own. Next: `audit.py`.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

SETTLED_S = 25.0
Json = dict[str, Any]


class NoFigures(Exception):
    """The ledger did not catch up in time; the text says what it last answered."""


def usage(url: str, group_by: str) -> Json:
    """`GET /usage` of today and yesterday, so that a demo at midnight is whole."""
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    with urllib.request.urlopen(f"{url}/usage?from={since}&group_by={group_by}", timeout=10) as answer:
        told: Json = json.load(answer)
        return told


def settled_usage(url: str, attempts: int) -> None:
    """Wait until the ledger holds so many attempts, none of them open. Raises `NoFigures` after 25 s."""
    deadline_s, last = time.monotonic() + SETTLED_S, "nothing yet"
    while time.monotonic() < deadline_s:
        try:
            told = usage(url, "")
            last = f"{told['total']['attempts']} of {attempts} attempts, {told['open_attempts']} of them open"
            if told["total"]["attempts"] >= attempts and not told["open_attempts"]:
                return
        except urllib.error.HTTPError as failed:
            last = failed.read().decode(errors="replace")[:200]
        time.sleep(0.1)
    raise NoFigures(f"the ledger did not catch up in {SETTLED_S:.0f} s: {last}")


def metrics(url: str) -> dict[str, float]:
    """`GET /metrics`: every sample by its name and labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def quantile_ms(samples: dict[str, float], name: str, share: float) -> float | None:
    """A quantile of a histogram in milliseconds, linear inside its bucket; `None` when it is empty."""
    prefix = f'{name}_bucket{{le="'
    buckets = sorted(
        (float(sample.removeprefix(prefix).rstrip('"}').replace("+Inf", "inf")), count)
        for sample, count in samples.items()
        if sample.startswith(prefix)
    )
    total = buckets[-1][1] if buckets else 0
    low_s = below = 0.0
    for bound_s, count in buckets:
        if total and count >= share * total:
            high_s = low_s if bound_s == float("inf") else bound_s
            inside = (share * total - below) / (count - below) if count > below else 1.0
            return round((low_s + (high_s - low_s) * inside) * 1000, 3)
        low_s, below = bound_s, count
    return None
