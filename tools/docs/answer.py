"""A real answer of `/usage` (two calls, priced and summed by the ledger's own code, no database) and what a row holds.

This ends the walk of the generators.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from ccproxy_contract.events import UsageEvent, event_id
from ccproxy_contract.prices import PriceBook, price_book
from ccproxy_contract.usage import Usage
from ccproxy_ledger.rows import COUNTS, Row, counts, row
from ccproxy_ledger.store_usage import Completeness, Sum
from ccproxy_ledger.usage import usage_answer
from ccproxy_ledger.usage_query import usage_query
from ccproxy_policy.backend_prices import own_prices, price_key
from ccproxy_policy.kinds.model_backend import Model

SRC = str(UUID(int=1))
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
KEYS = (price_key("anthropic"),)


def usage_json() -> str:
    """The answer to `/usage?group_by=model` as a JSON block."""
    query = usage_query([("group_by", "model")], NOW)
    sums = [_sum(one) for one in _rows()]
    answer = usage_answer(query, sums, Completeness(None, 0, 0), complete_through=NOW)
    return f"```json\n{json.dumps(answer, indent=2)}\n```"


def row_columns() -> str:
    """The columns of `usage_event`, in their order."""
    return ", ".join(f"`{name}`" for name in Row._fields)


def _sum(one: Row) -> Sum:
    return Sum(keys={"model": one.model}, quality=one.quality, counts=dict(zip(COUNTS, counts(one), strict=True)))


def _rows() -> list[Row]:
    book = _book()
    main = Usage(uncached=1_200, cache_read=48_000, cache_write_5m=2_000, output=900, reasoning=400)
    title = Usage(uncached=350, output=12)
    return [
        _row(1, "claude-haiku-5-5", title, book),
        _row(2, "claude-opus-5-5", main, book),
    ]


def _row(seq: int, model: str, usage: Usage, book: PriceBook) -> Row:
    event = UsageEvent(
        src=SRC, seq=seq, kind="settle", call=f"call_{seq}", attempt=1, opened_ms=NOW_MS, ended_ms=NOW_MS,
        backend="anthropic", model_requested="claude-opus-5-5", model=model, usage=usage, price_keys=KEYS,
        base_price_keys=KEYS, book=book.version,
    )  # fmt: skip
    return row(event, id=event_id(SRC, seq), tenant="local", received_ms=NOW_MS, books={book.version: book})


def _book() -> PriceBook:
    """Prices of the example, so that the page changes only when the code does."""
    small, large = _price("1", "0.1", "1.25", "5"), _price("5", "0.5", "6.25", "25")
    models = [
        Model.model_validate({"name": name, "price": price})
        for name, price in (("claude-haiku-5-5", small), ("claude-opus-5-5", large))
    ]
    return price_book({price_key("anthropic"): own_prices(models)})


def _price(*rates: str) -> dict[str, str]:
    return dict(zip(("inputPerMTok", "cachedInputPerMTok", "cacheWritePerMTok", "outputPerMTok"), rates, strict=True))
