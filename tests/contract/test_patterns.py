"""Globs and `re:` patterns mean the same in check, admission and the data plane."""

from __future__ import annotations

import fnmatch

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.patterns import re2_search_source, re2_source


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("claude-*", ["claude-", "claude-haiku-5-5"], ["my-claude-1", "Claude-1"]),
        ("gpt-?", ["gpt-5"], ["gpt-", "gpt-55"]),
        ("a.b", ["a.b"], ["axb"]),
        ("*", ["", "a\nb"], []),
        ("re:haiku|sonnet", ["claude-haiku-5", "sonnet"], ["opus"]),
        ("re:^o[0-9]$", ["o3"], ["o3-mini"]),
        ("(a|b)+[c]", ["(a|b)+[c]"], ["a", "abc"]),
        ("größe", ["größe"], ["grösse"]),
    ],
)
def test_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    program = re2.compile(re2_source(pattern))

    assert [text for text in yes if not program.search(text)] == []
    assert [text for text in no if program.search(text)] == []


@given(
    st.text(alphabet="ab.*?[]()+\\^$|{}-é\n", max_size=12).filter(lambda text: not text.startswith("re:")),
    st.text(alphabet="ab.[]()+\\^$|{}-é\n", max_size=12),
)
def test_a_glob_means_what_fnmatch_means_without_its_brackets(pattern: str, text: str) -> None:
    plain = pattern.replace("[", "[[]")

    assert bool(re2.search(re2_source(pattern), text)) == fnmatch.fnmatchcase(text, plain)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("secret", ["a secret here"], ["Secret"]),
        ("BEGIN * KEY", ["--BEGIN\nBEGIN EC\n KEY--"], ["KEY BEGIN"]),
        ("re:^[0-9]+$", ["12"], ["a 12"]),
        ("a?c", ["xxabcxx"], ["ac"]),
    ],
)
def test_a_search_finds_a_pattern_anywhere(pattern: str, yes: list[str], no: list[str]) -> None:
    program = re2.compile(re2_search_source(pattern))

    assert [text for text in yes if not program.search(text)] == []
    assert [text for text in no if program.search(text)] == []
