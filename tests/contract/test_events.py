"""The usage event: one identity on every resend, and a wire form that both sides share."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from ccproxy_contract.events import (
    Ack,
    Batch,
    UsageEvent,
    decode_ack,
    decode_batch,
    decode_event,
    encode_ack,
    encode_batch,
    encode_event,
    event_id,
)
from ccproxy_contract.usage import Usage

SRC = "6f1a4b9e-0d55-4c7e-9a52-6a4f1f1f0001"


def test_an_events_identity_is_its_source_and_sequence() -> None:
    assert event_id(SRC, 1) == UUID("07be9b35-5cae-515e-8c72-0d2fe90d895b")
    assert len({event_id(SRC, seq) for seq in range(1, 500)}) == 499
    assert event_id(SRC, 1) != event_id("00000000-0000-0000-0000-000000000000", 1)


def test_an_event_survives_the_wire() -> None:
    event = UsageEvent(
        src=SRC,
        seq=3,
        kind="settle",
        call="c",
        attempt=1,
        usage=Usage(uncached=5, cache_write_1h=2),
        cost_pusd=0,
        base_cost_pusd=None,
        price_keys=("backend/a", "anthropic"),
    )

    assert decode_event(encode_event(event)) == event
    assert decode_batch(encode_batch(Batch(src=SRC, events=(event, event)))).events == (event, event)
    assert decode_ack(encode_ack(Ack(src=SRC, seq=3))) == Ack(src=SRC, seq=3)


def test_an_unpriced_event_is_not_a_free_one() -> None:
    free = UsageEvent(src=SRC, seq=1, kind="settle", cost_pusd=0)
    unpriced = UsageEvent(src=SRC, seq=1, kind="settle")

    assert decode_event(encode_event(free)).cost_pusd == 0
    assert decode_event(encode_event(unpriced)).cost_pusd is None


def test_unknown_kinds_are_refused_and_unknown_fields_ignored() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"src":"s","seq":1,"kind":"refund"}')

    assert decode_event(b'{"src":"s","seq":1,"kind":"open","newer":1}').seq == 1
