"""The acknowledgement never runs ahead of what is here, whatever the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_ledger.progress import TOLD_S, TOLD_TIMES, Progress, Ranges, ranges_of

spans = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=30)


@given(spans)
def test_ranges_are_the_set_of_what_was_added(added: list[tuple[int, int]]) -> None:
    expected: set[int] = set()
    found = Ranges()
    for low, length in added:
        found.add(low, low + length)
        expected |= set(range(low, low + length + 1))
    here = {n for low, high in found.pairs for n in range(low, high + 1)}
    assert here == expected
    assert all(left[1] + 1 < right[0] for left, right in zip(found.pairs, found.pairs[1:], strict=False))
    top = max(expected, default=0)
    assert {n for low, high in found.missing for n in range(low, high + 1)} == set(range(1, top + 1)) - expected
    assert found.contiguous == next(n for n in range(top + 1) if n + 1 not in expected) if expected else True


@given(spans, st.integers(1, 60), st.integers(0, 8))
def test_covers_says_whether_every_number_is_there(added: list[tuple[int, int]], low: int, length: int) -> None:
    found = Ranges([(first, first + more) for first, more in added])
    here = {n for first, more in added for n in range(first, first + more + 1)}
    assert found.covers(low, low + length) == (set(range(low, low + length + 1)) <= here)


def test_ranges_are_written_as_postgres_writes_them() -> None:
    assert ranges_of([3, 1, 2, 9]).multirange == "{[1,4),[9,10)}"


def test_a_hole_is_given_up_only_after_the_sender_was_told_often_and_long_enough() -> None:
    progress = Progress(Ranges([(1, 5), (8, 9)]))
    for number in range(TOLD_TIMES + 1):
        progress.note(8, now_s=number * 0.1)
    assert progress.acknowledged == 5
    progress.note(8, now_s=TOLD_S)
    assert progress.acknowledged == 9
    assert progress.given_up == 7


def test_a_sender_that_goes_back_keeps_the_hole_open() -> None:
    progress = Progress(Ranges([(1, 5), (8, 9)]))
    for number in range(TOLD_TIMES):
        progress.note(8, now_s=float(number))
    progress.note(6, now_s=10.0)
    progress.note(8, now_s=TOLD_S * 2)
    assert progress.acknowledged == 5
