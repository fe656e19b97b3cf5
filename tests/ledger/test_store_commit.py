"""Exactly once: whatever the order, the repeats and the cuts of batches, the tables are the same."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccproxy_contract.events import UsageEvent
from ccproxy_contract.pricing import cost_pusd
from ccproxy_contract.usage import Usage
from ccproxy_ledger.audit import audit_store
from ccproxy_ledger.received import Received
from ccproxy_ledger.store import Store, Unstorable
from ccproxy_ledger.store_books import keep_book
from ccproxy_ledger.store_commit import Committed, commit
from tests.ledger.sending import BOOK, BOOKS, NOW_MS, in_batches, life, new_src, opened, received, settle

TABLES = {
    "usage_event": "select * from usage_event order by event_id",
    "rollup_hour": "select * from rollup_hour order by tenant, hour, workload, agent, backend, model, rule, quality",
    "open_attempt": "select * from open_attempt order by tenant, call, attempt",
    "source": "select src, tenant, received::text, closed_seq, conflicts from source order by src",
    "event_key": "select event_id from event_key order by event_id",
}


async def tables(store: Store) -> dict[str, list[tuple[object, ...]]]:
    async with store.connection() as connection:
        return {name: [tuple(one) for one in await connection.fetch(query)] for name, query in TABLES.items()}


async def clear(store: Store) -> None:
    async with store.connection() as connection:
        await connection.execute(f"truncate {', '.join(TABLES)}")


async def commit_all(store: Store, groups: list[list[Received]]) -> list[Committed]:
    return [await commit(store, group, BOOKS) for group in groups]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[UsageEvent], list[list[Received]]]:
    """A source's life, and a delivery of it: cut anywhere, repeated, reordered, grouped."""
    events = life(new_src(), draw(st.integers(1, 12)))
    if draw(st.booleans()):
        events.append(UsageEvent(src=events[0].src, seq=len(events) + 1, kind="close"))
    cuts = st.tuples(st.integers(0, len(events) - 1), st.integers(1, 6))
    parts = [events[start : start + size] for start, size in draw(st.lists(cuts, max_size=12))]
    parts += [events[start : start + 5] for start in range(0, len(events), 5)]
    batches = [received(part) for part in draw(st.permutations(parts))]
    groups: list[list[Received]] = [[]]
    for batch in batches:
        if draw(st.booleans()):
            groups.append([])
        groups[-1].append(batch)
    return events, [group for group in groups if group]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delivery=deliveries())
async def test_any_delivery_gives_the_tables_of_one_in_order(
    store: Store, delivery: tuple[list[UsageEvent], list[list[Received]]]
) -> None:
    events, groups = delivery
    await clear(store)
    await commit_all(store, [[received(events)]])
    expected = await tables(store)
    await clear(store)
    done = await commit_all(store, groups)
    assert await tables(store) == expected
    assert sum(one.events for one in done) == len(events)


async def test_concurrent_repeats_of_all_batches_count_each_event_once(store: Store) -> None:
    await keep_book(store, BOOK)
    batches = [batch for _ in range(4) for batch in in_batches(life(new_src(), 60), 10)]

    async def send(seed: int) -> int:
        mine = batches.copy()
        random.Random(seed).shuffle(mine)
        return sum([(await commit(store, [batch], BOOKS)).events for batch in mine])

    done = await asyncio.gather(*(send(seed) for seed in range(4)))
    assert sum(done) == 4 * 120
    assert await audit_store(store) == []
    async with store.connection() as connection:
        assert await connection.fetchval("select sum(attempts) from rollup_hour") == 240
        assert await connection.fetchval("select count(*) from open_attempt") == 0


async def test_cost_is_computed_here_from_the_named_book_not_taken_from_the_sender(store: Store) -> None:
    src, usage = new_src(), Usage(uncached=1000, cache_read=300, output=70)
    await commit(store, [received([settle(src, 1, call="c", usage=usage, cost_pusd=1)])], BOOKS)
    expected = [
        cost_pusd(BOOK, keys=("anthropic",), model=model, usage=usage, at_ms=NOW_MS)
        for model in ("claude-cheap", "claude-dear")
    ]
    async with store.connection() as connection:
        row = await connection.fetchrow("select cost_pusd, base_cost_pusd, priced_by from usage_event")
        rollup = await connection.fetchrow("select cost_pusd, base_cost_pusd, savings_pusd from rollup_hour")
    assert row is not None
    assert rollup is not None
    assert list(row) == [*expected, "ledger"]
    assert None not in expected
    assert [int(one) for one in rollup] == [*expected, expected[1] - expected[0]]  # type: ignore[operator]


async def test_an_unknown_model_stays_without_price_and_is_counted(store: Store) -> None:
    done = await commit(store, [received([settle(new_src(), 1, call="c", model="mystery")])], BOOKS)
    assert done.unpriced == 1
    async with store.connection() as connection:
        assert await connection.fetchval("select cost_pusd from usage_event") is None
        assert await connection.fetchval("select unpriced from rollup_hour") == 1


async def test_an_attempt_that_used_nothing_costs_nothing_even_at_an_unknown_price(store: Store) -> None:
    event = settle(new_src(), 1, call="c", model="mystery", requested="mystery", usage=Usage())
    assert (await commit(store, [received([event])], BOOKS)).unpriced == 0
    async with store.connection() as connection:
        assert await connection.fetchval("select cost_pusd from usage_event") == 0


async def test_an_unknown_book_keeps_the_senders_figures_and_is_counted(store: Store) -> None:
    event = settle(new_src(), 1, call="c", book="sha256:unheard", cost_pusd=42)
    assert (await commit(store, [received([event])], {})).book_unknown == 1
    async with store.connection() as connection:
        assert await connection.fetchval("select cost_pusd from usage_event where priced_by = 'sender'") == 42


async def test_the_first_settle_of_an_attempt_holds_and_a_later_one_is_a_conflict(store: Store) -> None:
    first, second = new_src(), new_src()
    orphan = settle(first, 1, call="c", quality="orphan", usage=Usage())
    late = settle(second, 1, call="c", usage=Usage(output=9))
    assert (await commit(store, [received([orphan])], BOOKS)).conflicts == 0
    done = await commit(store, [received([late])], BOOKS)
    assert (done.events, done.conflicts) == (1, 1)
    async with store.connection() as connection:
        assert await connection.fetchval("select quality from usage_event") == "orphan"
        assert await connection.fetchval("select sum(output) from rollup_hour") == 0
        assert await connection.fetchval("select conflicts from source where src = $1", second) == 1


async def test_an_attempt_stays_open_until_its_settle_comes_whatever_comes_first(store: Store) -> None:
    src = new_src()
    await commit(store, [received([opened(src, 1, call="a"), opened(src, 2, call="b")])], BOOKS)
    await commit(store, [received([settle(src, 3, call="a")])], BOOKS)
    await commit(store, [received([settle(src, 5, call="d")])], BOOKS)
    await commit(store, [received([opened(src, 4, call="d")])], BOOKS)
    async with store.connection() as connection:
        assert [row[0] for row in await connection.fetch("select call from open_attempt")] == ["b"]


async def test_a_clock_that_is_far_off_is_held_near_the_time_of_receipt(store: Store) -> None:
    src = new_src()
    events = [settle(src, 1, call="a", ended_ms=NOW_MS + 10**9), settle(src, 2, call="b", ended_ms=1000)]
    await commit(store, [received(events)], BOOKS)
    async with store.connection() as connection:
        rows = await connection.fetch("select ended_at - received_at as off, skewed from usage_event order by seq")
    assert [(row["off"].total_seconds(), row["skewed"]) for row in rows] == [(300, True), (-35 * 86400, True)]


async def test_text_that_postgres_cannot_hold_does_not_stop_the_batch(store: Store) -> None:
    events = [settle(new_src(), 1, call="a\0b", session="x" * 5000)]
    assert (await commit(store, [received(events, tenant="t\0")], BOOKS)).events == 1


async def test_what_the_database_never_takes_is_unstorable_and_leaves_nothing_behind(store: Store) -> None:
    events = [settle(new_src(), 1, call="a", usage=Usage(output=2**70))]
    with pytest.raises(Unstorable):
        await commit(store, [received(events)], {})
    assert not any((await tables(store)).values())


async def test_the_audit_sees_a_wrong_sum_a_wrong_price_and_a_hole(store: Store) -> None:
    await keep_book(store, BOOK)
    events = life(new_src(), 5)
    await commit(store, [received(events[:4]), received(events[6:])], BOOKS)
    assert [one for one in await audit_store(store) if "misses events" not in one] == []
    async with store.connection() as connection:
        await connection.execute("update rollup_hour set output = output + 1 where model = 'claude-dear'")
        await connection.execute("update usage_event set cost_pusd = cost_pusd + 1 where model = 'claude-cheap'")
        await connection.execute(
            "delete from event_key where event_id = (select min(event_id::text)::uuid from usage_event)"
        )
    found = "\n".join(await audit_store(store))
    for sign in ("misses events {[5,7)}", "output", "its book says", "have no event identity", "event identities, but"):
        assert sign in found
