"""The figures of `/usage`: the same from hourly sums and from attempts, exact to the pico-dollar, null when unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ccproxy_contract.money import usd_string
from ccproxy_contract.pricing import cost_pusd
from ccproxy_contract.usage import Usage
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_commit import commit
from ccproxy_ledger.store_usage import completeness, usage_sums
from ccproxy_ledger.usage import dollars, usage_answer
from ccproxy_ledger.usage_query import GROUPS, UsageQuery
from tests.ledger.sending import BOOK, BOOKS, NOW_MS, life, new_src, received, settle

MORNING = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(minute=0, second=0, microsecond=0)


def asked(*groups: str, minutes: int = 0) -> UsageQuery:
    """Three hours around now; other `minutes` make it read the attempts."""
    since = MORNING - timedelta(hours=1, minutes=minutes)
    return UsageQuery(since=since, until=MORNING + timedelta(hours=2), group_by=groups)


async def answer(store: Store, query: UsageQuery) -> dict[str, Any]:
    return usage_answer(
        query, await usage_sums(store, query), await completeness(store, query), complete_through=MORNING
    )


async def test_hourly_sums_and_attempts_answer_alike(store: Store) -> None:
    await commit(store, [received(life(new_src(), 30))], BOOKS)
    for groups in ((), ("model",), ("hour", "agent", "rule"), tuple(name for name in GROUPS if name != "session")):
        from_sums, from_attempts = asked(*groups), asked(*groups, minutes=5)
        assert from_sums.whole_hours
        assert not from_attempts.whole_hours
        one, other = await answer(store, from_sums), await answer(store, from_attempts)
        assert one["groups"] == other["groups"]
        assert one["total"] == other["total"]
        assert one["total"]["calls"] == 30


async def test_groups_add_up_to_the_total(store: Store) -> None:
    await commit(store, [received(life(new_src(), 30))], BOOKS)
    found = await answer(store, asked("session", "model"))
    assert len(found["groups"]) == 15
    for name in ("calls", "attempts", "before", "after", "unpriced_calls"):
        assert sum(group[name] for group in found["groups"]) == found["total"][name]


async def test_money_is_exact_and_savings_compare_with_the_model_asked_for(store: Store) -> None:
    usage = Usage(uncached=1_000_003, cache_read=300, output=70)
    await commit(store, [received([settle(new_src(), 1, call="c", usage=usage)])], BOOKS)
    cheap, dear = (
        cost_pusd(BOOK, keys=("anthropic",), model=model, usage=usage, at_ms=NOW_MS)
        for model in ("claude-cheap", "claude-dear")
    )
    assert cheap is not None
    assert dear is not None
    total = (await answer(store, asked()))["total"]
    assert (total["cost"], total["counterfactual_cost"]) == (dollars(cheap), dollars(dear))
    assert total["savings"] == dollars(dear - cheap)
    assert total["tokens"]["uncached"] == 1_000_003
    assert total["quality"] == {"exact": 1.0}


async def test_an_unpriced_group_has_null_money_and_says_how_many(store: Store) -> None:
    src = new_src()
    events = [settle(src, 1, call="a", model="mystery", requested="mystery"), settle(src, 2, call="b")]
    await commit(store, [received(events)], BOOKS)
    found = await answer(store, asked("model"))
    by_model = {group["model"]: group for group in found["groups"]}
    assert by_model["mystery"]["cost"] is None
    assert by_model["mystery"]["unpriced_calls"] == 1
    assert found["total"]["cost"] == by_model["claude-cheap"]["cost"] != "0.00"
    assert found["total"]["unpriced_calls"] == 1


async def test_a_call_of_several_attempts_counts_once_and_its_attempts_each(store: Store) -> None:
    src = new_src()
    events = [settle(src, n, call="c", attempt=n, quality="exact" if n < 3 else "estimated") for n in (1, 2, 3)]
    await commit(store, [received(events)], BOOKS)
    total = (await answer(store, asked()))["total"]
    assert (total["calls"], total["attempts"]) == (1, 3)
    assert total["quality"] == {"estimated": 0.3333, "exact": 0.6667}


async def test_nothing_yet_is_zero_not_null(store: Store) -> None:
    found = await answer(store, asked("model"))
    assert found["groups"] == []
    assert (found["total"]["calls"], found["total"]["cost"]) == (0, "0.00")


async def test_a_hole_is_counted_and_holds_completeness_back_until_it_is_filled(store: Store) -> None:
    events = life(new_src(), 5)
    await commit(store, [received(events[:4], at_ms=NOW_MS)], BOOKS)
    await commit(store, [received(events[6:], at_ms=NOW_MS + 60_000)], BOOKS)
    known = await completeness(store, asked())
    assert (known.missing_events, known.gapless_at) == (2, datetime.fromtimestamp(NOW_MS / 1000, UTC))
    await commit(store, [received(events[4:6], at_ms=NOW_MS + 90_000)], BOOKS)
    known = await completeness(store, asked())
    assert (known.missing_events, known.gapless_at) == (0, None)


async def test_what_a_sender_has_lost_is_counted_but_holds_nothing_back(store: Store) -> None:
    events = life(new_src(), 5)
    await commit(store, [received(events[4:], given_up=4)], BOOKS)
    known = await completeness(store, asked())
    assert (known.missing_events, known.gapless_at) == (4, None)


@pytest.mark.parametrize(
    ("pusd", "shown"), [(0, "0.00"), (81_399_000_000, "0.081399"), (1_500_000_000_000, "1.50"), (-1, "-0.000000000001")]
)
def test_dollars_are_plain_decimals(pusd: int, shown: str) -> None:
    assert dollars(pusd) == shown
    assert usd_string(pusd).startswith(shown)
