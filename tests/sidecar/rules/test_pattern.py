"""Patterns mean the same with and without RE2, whole and searched."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.patterns import re2_search_source, re2_source
from ccproxy_sidecar.rules.pattern import MAX_KEPT_CHARS, MAX_KEPT_VERDICTS, AnyPattern, search_test, whole_test

globs = st.text(alphabet="ab*?.\n+é", max_size=8)
texts = st.text(alphabet="ab.\n+é", max_size=10)


@given(glob=globs, text=texts)
def test_a_glob_fits_a_whole_value_exactly_when_its_re2_source_does(glob: str, text: str) -> None:
    assert whole_test(glob)(text) is (re2.search(re2_source(glob), text) is not None)


@given(glob=globs, text=texts)
def test_a_glob_is_found_in_a_text_exactly_when_its_re2_source_is(glob: str, text: str) -> None:
    assert search_test(glob)(text) is (re2.search(re2_search_source(glob), text) is not None)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("claude-*", "claude-opus-5-5", True),
        ("claude-*", "Claude-opus", False),
        ("*a*a", "a", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*a*a*", "a", False),
        ("*ab*b*", "ab", False),
        ("*ab*b*", "abb", True),
        ("gpt-?", "gpt-5", True),
        ("gpt-?", "gpt-51", False),
        ("a.c", "abc", False),
        ("re:opus", "claude-opus-5-5", True),
        ("re:^opus", "claude-opus-5-5", False),
        ("re:(?i)OPUS", "claude-opus-5-5", True),
        ("", "", True),
        ("*", "", True),
    ],
)
def test_a_pattern_fits(pattern: str, value: str, fits: bool) -> None:
    assert AnyPattern((pattern,)).holds(value) is fits


def test_pieces_of_a_searched_glob_do_not_overlap() -> None:
    assert not search_test("ab*b")("xab")
    assert search_test("ab*b")("xab and b")


def test_any_pattern_of_several_is_enough() -> None:
    wanted = AnyPattern(("gpt-*", "claude-haiku-*"))
    assert wanted.holds("claude-haiku-5")
    assert not wanted.holds("claude-opus-5")


@pytest.mark.parametrize("pattern", ["re:(", r"re:(?=a)", r"re:(a)\1", "re:a{100000}"])
def test_what_re2_cannot_run_is_refused_with_the_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a pattern that RE2 runs") as refused:
        AnyPattern((pattern,))
    assert repr(pattern) in str(refused.value)


def test_a_header_value_that_is_no_utf8_is_searched_without_raising() -> None:
    assert AnyPattern(("re:b$",)).holds("a\udcffb")
    assert not AnyPattern(("re:^b",)).holds("a\udcffb")


def test_a_pattern_that_backtracks_elsewhere_ends_at_once() -> None:
    assert not AnyPattern(("re:^(a+)+$",)).holds("a" * 50_000 + "b")
    assert not AnyPattern(("*a" * 40,)).holds("a" * 39 + "b" * 10_000)


def test_kept_verdicts_stay_right_and_bounded() -> None:
    wanted = AnyPattern(("a*",))
    values = [f"{'ab'[n % 2]}{n}" for n in range(3 * MAX_KEPT_VERDICTS)] + ["a" * (MAX_KEPT_CHARS + 1)]
    for _ in range(2):
        assert [wanted.holds(value) for value in values] == [value.startswith("a") for value in values]
    assert len(wanted._verdicts) <= MAX_KEPT_VERDICTS
