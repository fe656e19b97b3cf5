"""How long a client waits before it connects again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.back_off import LONGEST_S, BackOff, Ended

endings = st.lists(st.tuples(st.sampled_from(["goodbye", "lost", "refused", "unwanted"]), st.floats(0, 100)))


LOST: tuple[Ended, float] = ("lost", 0.0)
GOODBYE: tuple[Ended, float] = ("goodbye", 0.0)


def pauses(*ended: tuple[Ended, float]) -> list[float]:
    back_off = BackOff(lambda: 1.0)
    return [back_off.pause_s(*one) for one in ended]


def test_after_an_orderly_end_it_is_back_at_once() -> None:
    assert pauses(("goodbye", 60.0), ("goodbye", 60.0)) == [0.0, 0.0]


def test_a_server_that_says_good_bye_to_everybody_is_not_stormed() -> None:
    assert pauses(*[GOODBYE] * 4) == [0.0, 0.1, 0.2, 0.4]


def test_failures_wait_longer_each_time_and_never_over_ten_seconds() -> None:
    waited = pauses(*[LOST] * 10)
    assert waited[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waited[-1] == LONGEST_S


def test_a_connection_that_stood_forgets_what_failed_before() -> None:
    assert pauses(("lost", 0.0), ("lost", 0.0), ("lost", 30.0), ("goodbye", 30.0)) == [0.1, 0.2, 0.1, 0.0]


def test_who_is_unwanted_comes_back_late() -> None:
    assert pauses(("unwanted", 0.0)) == [60.0]


@given(endings, st.floats(0, 1))
def test_no_two_ends_in_a_row_are_without_a_pause_unless_the_connection_stood(
    ended: list[tuple[Ended, float]], chance: float
) -> None:
    back_off = BackOff(lambda: chance)
    waited = [back_off.pause_s(*one) for one in ended]
    for before, after, (_, lived_s) in zip(waited, waited[1:], ended[1:], strict=False):
        assert before > 0 or after > 0 or lived_s >= 10
    assert all(0 <= pause_s <= 60 for pause_s in waited)
