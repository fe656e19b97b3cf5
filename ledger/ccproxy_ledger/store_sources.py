"""What the database knows of its sources, for a collector that starts anew. Next: `progress.py`."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from ccproxy_ledger.progress import Ranges
from ccproxy_ledger.store import Store

_RANGE = re.compile(r"\[(\d+),(\d+)\)")
REMEMBERED = timedelta(days=40)
"""Older sources than a sender's clock is believed are asked for no more; the database still knows their events."""


class KnownSource(msgspec.Struct, frozen=True):
    """One source as committed."""

    src: str
    here: Ranges
    given_up: int


async def known_sources(store: Store) -> list[KnownSource]:
    """Every source seen lately. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        records = await connection.fetch(
            "select src::text, received::text, given_up from source where last_seen > now() - $1::interval", REMEMBERED
        )
    return [KnownSource(record["src"], _ranges(record["received"]), record["given_up"]) for record in records]


def _ranges(multirange: str) -> Ranges:
    return Ranges([(int(low), int(high) - 1) for low, high in _RANGE.findall(multirange)])
