"""Buckets are disjoint: sums never count a token twice."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.usage import NO_USAGE, Usage

USAGES = st.builds(Usage, **{name: st.integers(0, 10**9) for name in Usage.__struct_fields__})


def test_input_is_every_input_bucket_once() -> None:
    usage = Usage(
        uncached=1,
        cache_read=20,
        cache_write_5m=300,
        cache_write_30m=4_000,
        cache_write_1h=50_000,
        cache_write_12h=600_000,
        output=7_000_000,
        reasoning=7,
    )

    assert usage.cache_write == 654_300
    assert usage.input == 654_321
    assert usage.total == 7_654_321


@given(USAGES, USAGES, USAGES)
def test_sums_do_not_depend_on_order(a: Usage, b: Usage, c: Usage) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NO_USAGE == a
    assert (a + b).total == a.total + b.total


@given(USAGES)
def test_usage_survives_the_wire(usage: Usage) -> None:
    assert msgspec.json.decode(msgspec.json.encode(usage), type=Usage) == usage


def test_wire_names_are_camel_case_and_zeros_are_left_out() -> None:
    raw = msgspec.json.encode(Usage(cache_read=1, cache_write_5m=2, cache_write_12h=3, web_searches=4))

    assert raw == b'{"cacheRead":1,"cacheWrite5m":2,"cacheWrite12h":3,"webSearches":4}'
