"""What the collector has taken but not yet committed: a batch with its tenant and the time it came in.

The same record stands in the collector's spool. Must not trust the batch beyond its shape. Next: `rows.py`.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from ccproxy_contract.events import MAX_BATCH_EVENTS, Batch, UsageEvent, decode_batch

MAX_COUNT = 2**53
"""Largest number or time an event may carry; exact in every JSON reader and far below a bigint."""
MAX_TOKENS = 2**40
"""Largest count of tokens; eight million such events of one hour still sum up to a bigint."""


class Sender(msgspec.Struct, frozen=True):
    """Whose events a batch holds, by what was known when it came. A laptop knows the tenant only."""

    tenant: str
    namespace: str = ""
    pod: str = ""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One batch as it came in. Tenant, namespace and pod are the token's, never the event's.

    On a laptop nobody has a namespace or pod.
    """

    tenant: str
    namespace: str = ""
    pod: str = ""
    received_ms: int
    given_up: int = 0
    """The source has lost for good what is missing up to this number."""
    batch: Batch


class _Record(msgspec.Struct, frozen=True, omit_defaults=True):
    tenant: str
    received_ms: int
    given_up: int
    batch: msgspec.Raw
    namespace: str = ""
    pod: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Received).decode


def record(raw_batch: bytes, sender: Sender, *, received_ms: int, given_up: int) -> bytes:
    """The spool's record: the batch's bytes as they came, with who and when."""
    events = msgspec.Raw(raw_batch)
    return _encode(_Record(sender.tenant, received_ms, given_up, events, sender.namespace, sender.pod))


def received_from(raw: bytes) -> Received:
    """Raises: `msgspec.MsgspecError` when the record is not one of ours."""
    return _decode(raw)


def checked_batch(raw: bytes) -> Batch:
    """Decode a sender's batch. Raises: `ValueError` with the field that cannot be right."""
    try:
        batch = decode_batch(raw)
    except msgspec.MsgspecError as problem:
        raise ValueError(f"not a batch of usage events: {problem}") from None
    _check_source(batch)
    for event in batch.events:
        fault = _fault(event)
        if fault:
            raise ValueError(f"event {event.seq}: {fault}")
    return batch


def _check_source(batch: Batch) -> None:
    try:
        UUID(batch.src)
    except ValueError:
        raise ValueError("src is not a UUID") from None
    if len(batch.events) > MAX_BATCH_EVENTS:
        raise ValueError(f"{len(batch.events)} events, at most {MAX_BATCH_EVENTS} in a batch")
    if any(event.src != batch.src for event in batch.events):
        raise ValueError("an event names another src than its batch")


def _fault(event: UsageEvent) -> str:
    """Why the store could never take this event; empty when it can."""
    if not 0 < event.seq < MAX_COUNT:
        return "seq must be at least 1"
    if event.kind in ("open", "settle", "adjust") and not event.call:
        return "call is empty"
    if not 0 <= event.attempt < 2**31:
        return "attempt is out of range"
    least = -MAX_TOKENS if event.kind == "adjust" else 0
    for count in (*msgspec.structs.astuple(event.usage), event.input_before):
        if not least <= count <= MAX_TOKENS:
            return "a token count is out of range"
    return _fault_of_times(event)


def _fault_of_times(event: UsageEvent) -> str:
    for number in (event.opened_ms, event.ended_ms, event.duration_us, event.first_byte_us or 0):
        if not 0 <= number <= MAX_COUNT:
            return "a time or status is out of range"
    if not 0 <= event.http_status < 1000:
        return "a time or status is out of range"
    for cost in (event.cost_pusd, event.base_cost_pusd):
        if cost is not None and abs(cost) > 2**62:
            return "a cost is out of range"
    return ""
