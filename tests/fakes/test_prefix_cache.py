"""The provider's caches: what is read, written and forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.provider.prefix_cache import FIVE_MINUTES_S, HOUR_S, Hit, Part, PrefixCache


class Clock:
    """Seconds that only pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def _part(name: str, tokens: int, ttl_s: int = 0) -> Part:
    return Part(name.encode() * tokens * 4, tokens, ttl_s)


def test_a_breakpoint_is_written_once_and_read_afterwards() -> None:
    cache = PrefixCache(Clock())
    parts = (_part("s", 2000, FIVE_MINUTES_S), _part("q", 10))

    assert cache.at_breakpoints("a", parts) == Hit(written_5m=2000)
    assert cache.at_breakpoints("a", parts) == Hit(read=2000)


def test_a_growing_conversation_writes_only_what_is_new() -> None:
    cache = PrefixCache(Clock())
    first = (_part("s", 1500, HOUR_S), _part("q", 200, FIVE_MINUTES_S))
    cache.at_breakpoints("a", first)
    grown = (first[0], _part("q", 200), _part("r", 300, FIVE_MINUTES_S))

    assert cache.at_breakpoints("a", grown) == Hit(read=1700, written_5m=300)


def test_a_prefix_is_forgotten_after_its_lifetime_and_kept_by_use() -> None:
    clock = Clock()
    cache = PrefixCache(clock)
    parts = (_part("s", 2000, FIVE_MINUTES_S),)
    cache.at_breakpoints("a", parts)
    clock.now_s += 299
    assert cache.at_breakpoints("a", parts).read == 2000
    clock.now_s += 299
    assert cache.at_breakpoints("a", parts).read == 2000
    clock.now_s += 300
    assert cache.at_breakpoints("a", parts) == Hit(written_5m=2000)


def test_a_short_prefix_is_not_cached() -> None:
    cache = PrefixCache(Clock())
    parts = (_part("s", 1023, FIVE_MINUTES_S),)

    assert cache.at_breakpoints("a", parts) == cache.at_breakpoints("a", parts) == Hit()


def test_accounts_and_models_never_share() -> None:
    cache = PrefixCache(Clock())
    parts = (_part("s", 2000, FIVE_MINUTES_S),)
    cache.at_breakpoints("key one|model", parts)

    assert cache.at_breakpoints("key two|model", parts).read == 0


def test_a_changed_first_part_spoils_everything_behind_it() -> None:
    cache = PrefixCache(Clock())
    cache.at_breakpoints("a", (_part("s", 1500), _part("q", 1500, HOUR_S)))

    assert cache.at_breakpoints("a", (_part("t", 1500), _part("q", 1500, HOUR_S))) == Hit(written_1h=3000)


def test_the_automatic_cache_reads_in_steps_of_128() -> None:
    cache = PrefixCache(Clock())
    cache.by_itself("a", (_part("s", 1500), _part("q", 10)))

    assert cache.by_itself("a", (_part("s", 1500), _part("r", 10))).read == 1408


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 900), st.sampled_from([0, 0, FIVE_MINUTES_S, HOUR_S])),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_what_is_read_and_written_is_never_more_than_the_prompt(drawn: list[tuple[str, int, int]], cut_at: int) -> None:
    cache = PrefixCache(Clock())
    parts = tuple(_part(*one) for one in drawn)
    cache.at_breakpoints("a", parts[:cut_at])
    total = sum(part.tokens for part in parts)

    for _ in range(2):
        hit = cache.at_breakpoints("a", parts)
        assert 0 <= hit.read + hit.written_5m + hit.written_1h <= total
    assert cache.at_breakpoints("a", parts) == Hit(read=hit.read + hit.written_5m + hit.written_1h)
