"""The tokenizer counts what it should, in slices, off the loop, and only when asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rs_bpe.bpe import openai

from ccproxy_sidecar.tokens.bounds import MAX_BYTES_PER_TOKEN
from ccproxy_sidecar.tokens.exact import MAX_KEPT_COUNTS, MAX_SLICE_CHARS, TokenCounter, slices

whole_count = openai.o200k_base().count


@pytest.fixture
def counter() -> Iterator[TokenCounter]:
    counter = TokenCounter()
    yield counter
    counter.close()


@given(text=st.one_of(st.text(max_size=300), st.text(alphabet=" \t\n-=*#a", max_size=2_000)))
def test_tokens_lie_between_the_bounds_that_bytes_give(text: str) -> None:
    size, tokens = len(text.encode()), whole_count(text)
    assert -(-size // MAX_BYTES_PER_TOKEN) <= tokens <= size
    assert -(-len(text) // MAX_BYTES_PER_TOKEN) <= tokens


def test_the_longest_token_is_as_long_as_the_bound_says() -> None:
    assert whole_count(" " * MAX_BYTES_PER_TOKEN) == 1
    longest = max(len(openai.o200k_base().decode([number]) or "") for number in range(199_000))
    assert longest == MAX_BYTES_PER_TOKEN


async def test_a_count_is_the_tokenizers_own(counter: TokenCounter) -> None:
    assert await counter.count(("hello world", "", "def f(x):\n    return x")) == 2 + whole_count(
        "def f(x):\n    return x"
    )


words = st.text(alphabet="abcdefghij'ABC0123456789.,;:(){}\n\té漢 ", min_size=1, max_size=30)


@given(parts=st.lists(words, min_size=20, max_size=60), repeats=st.integers(20, 60))
@settings(max_examples=25, deadline=None)
def test_slices_hold_the_whole_text_and_count_the_same(parts: list[str], repeats: int) -> None:
    text = " and ".join(parts) * repeats
    pieces = slices(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= MAX_SLICE_CHARS for piece in pieces)
    assert sum(whole_count(piece) for piece in pieces) == whole_count(text)


def test_text_without_words_is_cut_anyway() -> None:
    text = "-" * (3 * MAX_SLICE_CHARS + 1)
    pieces = slices(text)
    assert [len(piece) for piece in pieces] == [MAX_SLICE_CHARS] * 3 + [1]


async def test_lone_surrogates_are_counted_without_raising(counter: TokenCounter) -> None:
    assert await counter.count(("a\udc80b",)) == whole_count("a?b")


async def test_counts_are_kept_and_bounded(counter: TokenCounter) -> None:
    texts = tuple(f"text {n}" for n in range(MAX_KEPT_COUNTS + 100))
    first = await counter.count(texts)
    assert len(counter._counts) == MAX_KEPT_COUNTS
    assert await counter.count(texts) == first


def test_the_vocabulary_is_not_loaded_before_the_first_count() -> None:
    program = (
        "import asyncio, sys\n"
        "import ccproxy_sidecar.rules.program\n"
        "from ccproxy_sidecar.tokens.exact import TokenCounter\n"
        "counter = TokenCounter()\n"
        "assert not any(name.startswith('rs_bpe') for name in sys.modules)\n"
        "assert asyncio.run(counter.count(('hello world',))) == 2\n"
        "assert any(name.startswith('rs_bpe') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
