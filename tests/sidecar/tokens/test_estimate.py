"""A prompt's tokens are found as cheaply as the thresholds allow, and never wrongly for what is certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rs_bpe.bpe import openai

from ccproxy_contract.snapshot import TokenRange
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.tokens.bounds import prompt_bounds, within
from ccproxy_sidecar.tokens.estimate import prompt_tokens, quick_estimate
from ccproxy_sidecar.tokens.exact import TokenCounter
from tests.sidecar.rules.made_calls import made_call

ranges = st.builds(TokenRange, min=st.none() | st.integers(0, 100), max=st.none() | st.integers(0, 100))
whole_count = openai.o200k_base().count


class Counting(TokenCounter):
    """The real counter, and how often it was needed."""

    times = 0

    async def count(self, texts: tuple[str, ...]) -> int:
        self.times += 1
        return await super().count(texts)


@pytest.fixture
def counter() -> Iterator[Counting]:
    counter = Counting()
    yield counter
    counter.close()


def _call(words: str, **body: Any) -> Call:
    return made_call(messages=[{"role": "user", "content": words}], **body)


@given(wanted=ranges, low=st.integers(0, 100), more=st.integers(0, 100), at=st.floats(0, 1))
def test_what_bounds_decide_is_true_for_every_count_between_them(
    wanted: TokenRange, low: int, more: int, at: float
) -> None:
    tokens = low + round(more * at)
    exact = (wanted.min or 0) <= tokens and (wanted.max is None or tokens <= wanted.max)
    assert within(wanted, low=tokens, high=tokens) is exact
    assert within(wanted, low=low, high=low + more) in (None, exact)


@given(words=st.text(max_size=400), system=st.text(alphabet='\t \n"\\é漢🧑‍🚀', max_size=200))
@settings(deadline=None)
def test_bounds_of_a_prompt_hold_whatever_is_written(words: str, system: str) -> None:
    request = _call(words, system=system).request
    assert request is not None
    low, high = prompt_bounds(request, request.texts())
    assert low <= sum(whole_count(text) for text in request.texts()) <= high


async def test_a_short_prompt_needs_no_tokenizer_for_a_high_threshold(counter: Counting) -> None:
    call = _call("Please explain the parser.")
    assert within(TokenRange(min=60_000), low=0, high=quick_estimate(call).high) is False
    assert await prompt_tokens(call, TokenRange(min=60_000), counter) < 60_000
    assert counter.times == 0


async def test_a_huge_prompt_needs_no_tokenizer_for_a_low_threshold(counter: Counting) -> None:
    call = _call("word " * 100_000)
    assert await prompt_tokens(call, TokenRange(min=1_000), counter) >= 1_000
    assert counter.times == 0


async def test_in_doubt_the_tokenizer_decides(counter: Counting) -> None:
    call = _call("word " * 1_000)
    assert await prompt_tokens(call, TokenRange(min=900), counter) == whole_count("word " * 1_000)
    assert counter.times == 1


def _settled(sessions: Sessions, call: Call, tokens: int) -> None:
    assert call.request is not None
    call.session = sessions.get("s")
    sessions.settle(
        call.session, usage=Usage(uncached=tokens), body_bytes=len(call.body), spawns=(),
        model=call.request.model, now_s=0,
    )  # fmt: skip


async def test_a_session_goes_on_from_the_providers_last_count(counter: Counting) -> None:
    sessions = Sessions()
    first = _call("word " * 40_000)
    _settled(sessions, first, 45_000)
    later = made_call(
        messages=[{"role": "user", "content": "word " * 40_000}, {"role": "user", "content": "and " * 50}]
    )
    later.session = first.session
    for least, over in ((44_000, True), (60_000, False)):
        tokens = await prompt_tokens(later, TokenRange(min=least), counter)
        assert (tokens >= least) is over
    assert 45_000 < quick_estimate(later, TokenRange(min=60_000)).likely < 45_300
    assert counter.times == 0


async def test_a_threshold_within_the_sessions_doubt_is_counted(counter: Counting) -> None:
    sessions = Sessions()
    first = _call("word " * 1_000)
    _settled(sessions, first, 1_050)
    later = _call("word " * 2_000)
    later.session = first.session
    await prompt_tokens(later, TokenRange(min=2_000), counter)
    assert counter.times == 1


async def test_a_prompt_that_has_shrunk_is_looked_at_anew(counter: Counting) -> None:
    sessions = Sessions()
    first = _call("word " * 10_000)
    _settled(sessions, first, 10_000)
    later = _call("word " * 3_000)
    later.session = first.session
    assert await prompt_tokens(later, TokenRange(min=5_000), counter) == whole_count("word " * 3_000)
    assert counter.times == 1


async def test_exact_counts_follow_what_the_models_provider_reports(counter: Counting) -> None:
    sessions = Sessions()
    for number in range(30):
        call = _call(f"{number} " + "word " * 3_000)
        call.session = sessions.get(str(number))
        counted = await prompt_tokens(call, TokenRange(min=3_300), counter)
        plain = whole_count(f"{number} " + "word " * 3_000)
        _settled_in_place(sessions, call, round(plain * 1.3))
    assert abs(counted / plain - 1.3) < 0.01
    assert counter.times == 30


def _settled_in_place(sessions: Sessions, call: Call, tokens: int) -> None:
    assert call.request is not None
    sessions.settle(
        call.session, usage=Usage(uncached=tokens), body_bytes=len(call.body), spawns=(),
        model=call.request.model, now_s=0,
    )  # fmt: skip


async def test_pictures_do_not_count_as_text(counter: Counting) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "QUJD" * 50_000}
    call = made_call(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])
    assert quick_estimate(call).high > 200_000
    assert await prompt_tokens(call, TokenRange(min=1_000), counter) < 1_000
    assert counter.times == 0


async def test_a_call_without_a_body_has_no_prompt(counter: Counting) -> None:
    call = made_call(method="GET", path="/v1/models")
    assert quick_estimate(call) == (0, 0, 0, "having none")
    assert await prompt_tokens(call, TokenRange(min=1), counter) == 0
