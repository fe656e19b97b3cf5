"""Does `/usage` say what the provider charged? Token by token, bucket by bucket.

The provider keeps its own books in its own process. A call whose client left is known to ccproxy only as far as its
bytes came: its input must agree, its output is estimated, and both figures are shown. Next: `receipt.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ccproxy_contract.usage import NO_USAGE, Usage
from tests.fakes.provider.records import Seen
from tools.demo.figures import Json

METERED = ("/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1/embeddings")
INPUT_BUCKETS = ("uncached", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h")


@dataclass(frozen=True)
class Audit:
    """Empty `differences`: the books agree."""

    attempts: int
    differences: tuple[str, ...]
    left_output: tuple[int, int]
    """Output tokens of calls whose client left: what the provider produced, what ccproxy estimated."""


def attempts(seen: list[Seen]) -> list[Seen]:
    """The requests that cost money or tried to: what `/usage` has rows for."""
    return [one for one in seen if (one.path in METERED and one.method == "POST") or "enerateContent" in one.path]


def audit(seen: list[Seen], told: Json) -> Audit:
    """Compare the provider's records with `/usage`'s total."""
    tried = attempts(seen)
    total, figures = sum((one.charged for one in tried), NO_USAGE), told["total"]
    left = sum((one.charged for one in tried if one.outcome == "client gone"), NO_USAGE)
    differences = [
        f"{name}: the provider charged {getattr(total, name):,}, /usage says {figures['tokens'][name]:,}"
        for name in INPUT_BUCKETS
        if getattr(total, name) != figures["tokens"][name]
    ]
    if figures["attempts"] != len(tried):
        differences.append(f"attempts: the provider saw {len(tried)}, /usage says {figures['attempts']}")
    estimated = figures["tokens"]["output"] - (total.output - left.output)
    if not _plausible(left, estimated):
        differences.append(f"output: the provider charged {total.output:,}, /usage {figures['tokens']['output']:,}")
    return Audit(len(tried), tuple(differences), (left.output, estimated))


def _plausible(left: Usage, estimated: int) -> bool:
    """Nobody left: equal. Somebody did: what is estimated for them is not negative and not beyond twice the truth."""
    return estimated == 0 if left == NO_USAGE else 0 <= estimated <= 2 * left.output + 16
