"""Followers: whatever way a stream is cut, broken off or mixed, they find what a full reading finds."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccproxy_contract.snapshot import DialectName
from ccproxy_sidecar.dialects.dialect import Answer, Problem
from ccproxy_sidecar.dialects.follow import HOLD_BYTES
from ccproxy_sidecar.dialects.sse import MAX_EVENT_BYTES
from ccproxy_sidecar.dialects.table import DIALECTS
from ccproxy_sidecar.dialects.tails import object_behind
from tests.sidecar.dialects.grammar import check_chat, check_gemini, check_messages, check_responses
from tests.sidecar.dialects.plain_reading import Facts, facts_of, total
from tests.sidecar.dialects.recorded_streams import STREAMS, RecordedStream, recorded_streams

CHECKS = {
    "anthropic-messages": check_messages,
    "openai-chat": check_chat,
    "openai-responses": check_responses,
    "gemini-generate": check_gemini,
}
BROKEN = Problem(status=502, kind="unavailable", message="the provider ended the answer early")
names = st.sampled_from(sorted(STREAMS))
seeds = st.integers(0, 10_000)


def recorded(name: DialectName, seed: int) -> RecordedStream:
    return STREAMS[name](Random(seed))


def cut_at(raw: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({cut % (len(raw) + 1) for cut in cuts})
    return [raw[a:b] for a, b in zip([0, *points], [*points, len(raw)], strict=True)]


def followed(name: DialectName, pieces: list[bytes], *, hide: bool = False) -> tuple[bytes, Answer]:
    answer = DIALECTS[name].answer(stream=True, hide_usage_chunk=hide)
    return b"".join(answer.feed(piece) for piece in pieces), answer


def read_facts(answer: Answer) -> Facts:
    spawns = [(spawn.agent, spawn.prompt) for spawn in answer.spawns]
    error = answer.error.code if answer.error else ""
    return Facts(answer.started, answer.ended, answer.finish, {}, spawns, error)


def assert_same(answer: Answer, name: DialectName, raw: bytes) -> None:
    plain = facts_of(name, raw)
    assert (answer.usage.total if answer.usage else 0) == total(name, plain.counts)
    plain.counts = {}
    assert read_facts(answer) == plain
    assert answer.unreadable == 0


@given(names, seeds, st.lists(st.integers(0, 1 << 20), max_size=40))
def test_any_chunking_finds_the_same_facts_and_passes_the_same_bytes(
    name: DialectName, seed: int, cuts: list[int]
) -> None:
    stream = recorded(name, seed)
    out, answer = followed(name, cut_at(stream.raw, cuts))
    assert out + answer.close() == stream.raw
    assert (answer.usage, answer.finish, answer.model) == (stream.usage, stream.finish, stream.model)
    assert [(s.agent, s.prompt) for s in answer.spawns] == stream.spawns
    assert_same(answer, name, stream.raw)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_every_single_cut_position_finds_the_same_facts(name: DialectName) -> None:
    stream = min((recorded(name, seed) for seed in range(20)), key=lambda s: len(s.raw))
    for cut in range(len(stream.raw) + 1):
        out, answer = followed(name, [stream.raw[:cut], stream.raw[cut:]])
        assert out == stream.raw
        assert (answer.usage, answer.ended, answer.finish) == (stream.usage, True, stream.finish)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_byte_by_byte_only_whole_events_come_out(name: DialectName) -> None:
    stream = recorded(name, 3)
    answer = DIALECTS[name].answer(stream=True)
    passed = [answer.feed(bytes([byte])) for byte in stream.raw]
    assert b"".join(passed) == stream.raw
    assert all(not piece or piece.endswith((b"\n\n", b"\r\n\r\n")) for piece in passed)


@given(names, seeds, st.integers(0, 1 << 20), st.lists(st.integers(0, 1 << 20), max_size=8))
@example("anthropic-messages", 53, 266324, [])
def test_a_stream_cut_anywhere_ends_with_the_dialects_own_error(
    name: DialectName, seed: int, cut: int, cuts: list[int]
) -> None:
    stream = recorded(name, seed)
    part = stream.raw[: cut % (len(stream.raw) + 1)]
    out, answer = followed(name, cut_at(part, cuts))
    assert_same(answer, name, part.removesuffix(b"\r"))  # half of a line end ends no line: its other half may follow
    out += answer.close()
    if not answer.ended:
        out += DIALECTS[name].stream_end(BROKEN, answer)
    wrong = CHECKS[name](out)
    if name == "openai-chat" and answer.finish:  # complete without [DONE], as some servers end
        wrong = [w for w in wrong if w != "no terminal event or no finish_reason"]
    # A cut before the first event leaves nothing but our own error.
    assert [w for w in wrong if "before message_start" not in w] == []


@pytest.mark.parametrize("stream", recorded_streams(80, seed=11), ids=lambda s: s.dialect)
def test_the_recorded_streams_keep_to_their_grammar(stream: RecordedStream) -> None:
    interleaved = ("tool call 0 opened twice or never", "tool call 1 opened twice or never")
    assert [w for w in CHECKS[stream.dialect](stream.raw) if w not in interleaved] == []


@given(seeds, st.lists(st.integers(0, 1 << 20), max_size=20))
def test_a_hidden_usage_chunk_vanishes_whole_and_nothing_else_does(seed: int, cuts: list[int]) -> None:
    stream = recorded("openai-chat", seed)
    out, answer = followed("openai-chat", cut_at(stream.raw, cuts), hide=True)
    assert answer.usage == stream.usage
    assert b'"prompt_tokens"' not in out
    kept = [event for event in stream.raw.replace(b"\r\n", b"\n").split(b"\n\n") if b'"prompt_tokens"' not in event]
    assert out.replace(b"\r\n", b"\n") == b"\n\n".join(kept)


def test_usage_beside_choices_is_read_and_stays() -> None:
    choice = b'{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}'
    raw = b'data: {"choices":[' + choice + b'],"usage":{"prompt_tokens":4,"completion_tokens":2}}\n\n'
    out, answer = followed("openai-chat", [raw], hide=True)
    assert out == raw
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output) == (4, 2)


def test_the_same_object_passes_when_nothing_is_cut() -> None:
    answer = DIALECTS["anthropic-messages"].answer(stream=True)
    events = recorded("anthropic-messages", 1).raw.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]
    chunks = [event + b"\n\n" for event in events]
    assert all(answer.feed(chunk) is chunk for chunk in chunks)


ERRORS: list[tuple[DialectName, str, dict[str, object], str]] = [
    ("anthropic-messages", "error", {"type": "error", "error": {"type": "overloaded_error"}}, "overloaded_error"),
    ("openai-chat", "", {"error": {"message": "x", "code": "server_error"}}, "server_error"),
    ("openai-chat", "", {"error": "it broke, with text"}, "error"),
    ("openai-responses", "error", {"type": "error", "code": "rate_limit_exceeded"}, "rate_limit_exceeded"),
    ("openai-responses", "response.failed", {"response": {"status": "failed", "error": {"code": "e"}}}, "e"),
    ("gemini-generate", "", {"error": {"code": 503, "status": "UNAVAILABLE"}}, "UNAVAILABLE"),
]


@pytest.mark.parametrize(("name", "event", "value", "code"), ERRORS)
def test_an_error_event_is_known_by_its_code(name: DialectName, event: str, value: object, code: str) -> None:
    raw = (f"event: {event}\n".encode() if event else b"") + b"data: " + msgspec.json.encode(value) + b"\n\n"
    for lead in (b"", recorded(name, 5).raw[:1500]):
        whole = lead[: lead.rfind(b"\n\n") + 2 if b"\n\n" in lead else 0]
        _, answer = followed(name, [whole, raw])
        assert answer.error is not None
        assert (answer.error.code, answer.ended) == (code, True)


def long_event(size: int) -> bytes:
    delta = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"' + "y" * size + '"}}'
    return b"event: content_block_delta\ndata: " + delta.encode() + b"\n\n"


@pytest.mark.parametrize("size", [HOLD_BYTES // 2, HOLD_BYTES * 2, MAX_EVENT_BYTES + 20_000])
def test_long_events_pass_in_bounded_memory_and_the_stream_goes_on(size: int) -> None:
    stream = recorded("anthropic-messages", 9)
    first_event_ends = max(stream.raw.find(b"\n\n") + 2, stream.raw.find(b"\r\n\r\n") + 4)
    raw = stream.raw[:first_event_ends] + long_event(size) + stream.raw[first_event_ends:]
    answer = DIALECTS["anthropic-messages"].answer(stream=True)
    out, held = b"", 0
    for at in range(0, len(raw), 10_000):
        out += answer.feed(raw[at : at + 10_000])
        held = max(held, min(at + 10_000, len(raw)) - len(out))
    assert out == raw
    assert held <= HOLD_BYTES + 10_000
    assert answer.usage == stream.usage
    assert answer.overlong == (size > MAX_EVENT_BYTES)


def test_half_of_a_long_event_is_ended_before_our_error() -> None:
    answer = DIALECTS["anthropic-messages"].answer(stream=True)
    out = answer.feed(long_event(HOLD_BYTES * 3)[:-20])
    assert answer.mid_event
    out += answer.close() + DIALECTS["anthropic-messages"].stream_end(BROKEN, answer)
    assert out.split(b"\n\n")[-2].startswith(b"event: error\n")


@pytest.mark.parametrize("name", ["openai-responses", "gemini-generate"])
def test_usage_behind_megabytes_of_output_is_still_found(name: DialectName) -> None:
    big = "A" * (MAX_EVENT_BYTES * 2)
    if name == "openai-responses":
        usage = '{"input_tokens": 7, "output_tokens": 9, "total_tokens": 16}'
        raw = 'event: response.completed\ndata: {"type":"response.completed","response":{"output":"%s","usage":%s}}\n\n'
        raw %= (big, usage)
    else:
        usage = '{"promptTokenCount": 7, "candidatesTokenCount": 9}'
        raw = 'data: {"candidates":[{"content":{"parts":[{"d":"%s"}]},"finishReason":"STOP"}],"usageMetadata":%s}\n\n'
        raw %= (big, usage)
    encoded = raw.encode()
    out, answer = followed(name, [encoded[at : at + 65_536] for at in range(0, len(encoded), 65_536)])
    assert out == encoded
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output, answer.ended) == (7, 9, True)


@pytest.mark.parametrize(
    ("tail", "found"),
    [
        (b'xx","usage": {"a": {"b": 1}},"more":[]}', b'{"a": {"b": 1}}'),
        (b'"usage":{"a":1},"x":{"usage":{"a":2}}}', b'{"a":2}'),
        (b'"usage":{"a":1', b""),
        (b'"usage":null}', b""),
        (b"nothing here", b""),
    ],
)
def test_an_object_in_a_tail_is_read_when_it_is_whole(tail: bytes, found: bytes) -> None:
    assert object_behind(tail, b'"usage"') == found


@given(
    st.lists(
        st.binary(max_size=200) | st.sampled_from([b"\n\n", b"data: {", b'"usage"', b"\r\n\r\n", b"event: error\n"])
    ),
    names,
)
def test_garbage_passes_and_never_raises(pieces: list[bytes], name: DialectName) -> None:
    out, answer = followed(name, pieces)
    rest = answer.close()
    raw = b"".join(pieces)
    assert raw.startswith(out + rest)
    DIALECTS[name].stream_end(BROKEN, answer)


def test_invalid_utf8_in_text_passes_and_usage_is_found() -> None:
    stream = recorded("openai-chat", 4)
    bad = b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"},"finish_reason":null}]}\n\n'
    end = max(stream.raw.find(b"\n\n") + 2, stream.raw.find(b"\r\n\r\n") + 4)
    raw = stream.raw[:end] + bad + stream.raw[end:]
    out, answer = followed("openai-chat", [raw[:100], raw[100:]])
    assert out == raw
    assert answer.usage == stream.usage


@given(names, seeds)
def test_produced_tokens_are_near_the_bytes_of_text(name: DialectName, seed: int) -> None:
    stream = recorded(name, seed)
    answer = DIALECTS[name].answer(stream=True)
    answer.feed(stream.raw)
    assert 0 <= answer.produced_tokens() <= len(stream.raw) // 4 + 1


def test_a_broken_stream_of_plain_text_is_estimated_within_a_tenth() -> None:
    text = "a quite usual sentence of a model "
    delta = msgspec.json.encode(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    )
    event = b"event: content_block_delta\ndata: " + delta + b"\n\n"
    answer = DIALECTS["anthropic-messages"].answer(stream=True)
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    answer.feed(b"event: content_block_start\ndata: " + msgspec.json.encode(block) + b"\n\n")
    for _ in range(50):
        answer.feed(event)
        answer.feed(event * 3)
    assert answer.produced_tokens() == pytest.approx(200 * len(text) / 4, rel=0.1)
