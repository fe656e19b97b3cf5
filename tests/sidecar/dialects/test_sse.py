"""The event parser: any chunking and any line end gives the events of a line-by-line reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_sidecar.dialects.sse import Event, Events, blocks
from tests.sidecar.dialects.grammar import events

lines = st.sampled_from(
    ["data: a", "data:b", "data:  c", "data", "event: x", "event:y", ": comment", "id: 7", "retry", "data: é", ""]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"]]))
    text = "".join(draw(lines) + draw(st.sampled_from(ends)) for _ in range(draw(st.integers(0, 20))))
    return text.encode()


@given(streams(), st.lists(st.integers(0, 200), max_size=20))
def test_any_chunking_gives_the_same_events(raw: bytes, cuts: list[int]) -> None:
    parser = Events()
    points = sorted({cut % (len(raw) + 1) for cut in cuts})
    pieces = [raw[a:b] for a, b in zip([0, *points], [*points, len(raw)], strict=True)]
    found = [event for piece in pieces for event in parser.feed(piece)]
    assert found == [Event(name.encode(), data.encode()) for name, data in events(raw)]


@given(streams())
def test_blocks_lose_no_byte(raw: bytes) -> None:
    assert b"".join(blocks(raw)) == raw


def test_an_event_without_end_is_dropped_and_counted() -> None:
    parser = Events(max_event_bytes=100)
    assert parser.feed(b"data: a\n\ndata: " + b"x" * 90) == [Event(b"", b"a")]
    assert parser.feed(b"x" * 90) == []
    assert parser.feed(b"x" * 90 + b"\n\ndata: b\n\n") == [Event(b"", b"b")]
    assert parser.overlong == 1
