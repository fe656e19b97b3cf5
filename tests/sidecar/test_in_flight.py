"""The memory budget grants in order, waits, and never leaks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_sidecar import in_flight
from ccproxy_sidecar.in_flight import InFlight


async def test_what_fits_is_granted_at_once() -> None:
    budget = InFlight(100)
    assert await budget.take(60)
    assert await budget.take(40)
    assert budget.held_bytes == 100


async def test_what_can_never_fit_is_refused_at_once() -> None:
    assert not await InFlight(100).take(101)


async def test_who_does_not_fit_waits_for_room_in_order_of_arrival() -> None:
    budget = InFlight(100)
    await budget.take(100)
    order: list[str] = []

    async def wait(name: str, size: int) -> None:
        assert await budget.take(size)
        order.append(name)

    waiting = [asyncio.create_task(wait(name, size)) for name, size in (("large", 80), ("small", 10))]
    await asyncio.sleep(0)
    budget.give(50)
    await asyncio.sleep(0.01)
    assert order == []  # the small one does not overtake
    budget.give(50)
    await asyncio.gather(*waiting)
    assert order == ["large", "small"]


async def test_who_waits_too_long_is_refused_and_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "WAIT_S", 0.01)
    budget = InFlight(10)
    await budget.take(10)
    assert not await budget.take(5)
    budget.give(10)
    assert budget.held_bytes == 0
    assert await budget.take(10)


async def test_a_waiter_that_is_cancelled_makes_room_for_the_next() -> None:
    budget = InFlight(10)
    await budget.take(6)
    first = asyncio.create_task(budget.take(10))
    second = asyncio.create_task(budget.take(4))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await second
    assert budget.held_bytes == 10


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["take", "cancel", "give"])), max_size=40))
def test_whatever_happens_the_sum_of_grants_is_what_is_held(steps: list[tuple[int, str]]) -> None:
    async def play() -> None:
        budget = InFlight(100)
        tasks: list[tuple[int, asyncio.Task[bool]]] = []
        for size, step in steps:
            if step == "take":
                tasks.append((size, asyncio.create_task(budget.take(size))))
            elif tasks and step == "cancel":
                tasks[size % len(tasks)][1].cancel()
            else:
                granted = [t for t in tasks if t[1].done() and not t[1].cancelled() and t[1].result()]
                if granted:
                    tasks.remove(granted[0])
                    budget.give(granted[0][0])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            held = sum(s for s, t in tasks if t.done() and not t.cancelled() and t.result())
            assert held == budget.held_bytes <= 100
        for _, task in tasks:
            task.cancel()
        await asyncio.gather(*(t for _, t in tasks), return_exceptions=True)

    asyncio.run(play())
