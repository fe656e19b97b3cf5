"""Up to when the books are complete: the last word of the slowest collector; holes are waited for, but not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ccproxy_contract.accounts import accounts_bytes
from ccproxy_ledger.rows import moment
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_accounts import keep_accounts, last_accounts
from ccproxy_ledger.store_collectors import complete_through, give_up_holes, say_goodbye, say_through
from ccproxy_ledger.store_commit import commit
from ccproxy_ledger.store_usage import completeness
from ccproxy_ledger.usage_query import UsageQuery
from tests.ledger.cluster import accounts
from tests.ledger.sending import BOOKS, NOW_MS, life, new_src, received

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALWAYS = UsageQuery(since=NOW - timedelta(days=3650), until=NOW + timedelta(days=3650))


async def test_the_books_are_complete_up_to_the_slowest_collector(store: Store) -> None:
    assert await complete_through(store, NOW) == NOW
    await say_through(store, "ledger-0", NOW - timedelta(minutes=3))
    await say_through(store, "ledger-1", NOW + timedelta(minutes=1))
    assert await complete_through(store, NOW) == NOW - timedelta(minutes=3)
    await say_through(store, "ledger-0", NOW - timedelta(seconds=2))
    assert await complete_through(store, NOW) == NOW - timedelta(seconds=2)
    await say_goodbye(store, "ledger-0")
    assert await complete_through(store, NOW) == NOW


async def test_a_collector_that_never_comes_back_is_forgotten_in_the_end(store: Store) -> None:
    await say_through(store, "ledger-0", NOW - timedelta(minutes=3))
    async with store.connection() as connection:
        await connection.execute("update collector set seen_at = now() - interval '61 minutes'")
    assert await complete_through(store, NOW) == NOW


async def test_a_hole_holds_completeness_back_for_an_hour_and_counts_for_ever(store: Store) -> None:
    old, fresh = life(new_src(), 10), life(new_src(), 10)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    for source, at_ms in ((old, NOW_MS - 90 * 86_400_000), (fresh, now_ms)):
        await commit(store, [received(source[:4], at_ms=at_ms)], BOOKS)
        await commit(store, [received(source[10:], at_ms=at_ms + 1000)], BOOKS)
    assert (await completeness(store, ALWAYS)).gapless_at == moment(NOW_MS - 90 * 86_400_000)
    assert await give_up_holes(store) == 1
    known = await completeness(store, ALWAYS)
    assert (known.gapless_at, known.missing_events) == (moment(now_ms), 12)
    assert await give_up_holes(store) == 0
    await commit(store, [received(old[4:10], at_ms=now_ms), received(fresh[4:10], at_ms=now_ms)], BOOKS)
    known = await completeness(store, ALWAYS)
    assert (known.gapless_at, known.missing_events) == (None, 0)


async def test_the_last_accounts_take_the_place_of_the_ones_before(store: Store) -> None:
    assert await last_accounts(store) is None
    for kept in (accounts(team_a="acme"), accounts(team_a="globex"), accounts(team_a="globex")):
        await keep_accounts(store, kept)
        assert await last_accounts(store) == kept


async def test_accounts_that_were_changed_in_the_database_are_not_believed(store: Store) -> None:
    kept = accounts(team_a="acme")
    await keep_accounts(store, kept)
    async with store.connection() as connection:
        await connection.execute("update accounts set content = $1", accounts_bytes(kept).replace(b"acme", b"evil"))
    with pytest.raises(ValueError, match="hash does not fit"):
        await last_accounts(store)
