"""The usage event: what a sidecar tells the ledger about one attempt, and the batch that carries events.

An event is named by (source, sequence): the source is one start of one sidecar, its sequence is dense from 1, so a
gap is a loss that can be named. The sender's tenant and cost are provisional: the ledger takes the tenant from the
caller's token and prices again with the named book. Holds no prompt text and no key. Next: `accounts.py`.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid5

import msgspec

from ccproxy_contract.usage import NO_USAGE, Usage

Kind = Literal["open", "settle", "adjust", "close"]
Status = Literal["ok", "error", "client_gone", "interrupted", "cache_hit", "denied"]
Quality = Literal["exact", "calibrated", "estimated", "orphan"]


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One step in the life of one attempt.

    `open` is written before the request leaves, `settle` once when it has ended, `adjust` corrects a settled one,
    `close` says that the source has ended at `seq` (its other fields are empty). Times are Unix milliseconds,
    durations microseconds of a monotonic clock, money pico-USD; `None` cost is unpriced.
    """

    src: str
    seq: int
    kind: Kind
    call: str = ""
    attempt: int = 0
    """From 1; one call's attempts are numbered in the order they were sent. 0: no attempt left the house."""
    opened_ms: int = 0
    ended_ms: int = 0
    duration_us: int = 0
    first_byte_us: int | None = None
    tenant: str = ""
    namespace: str = ""
    workload: str = ""
    session: str = ""
    agent: str = ""
    task: str = ""
    rule: str = ""
    policy: str = ""
    backend: str = ""
    provider: str = ""
    dialect: str = ""
    operation: str = ""
    stream: bool = False
    model_requested: str = ""
    """What the client asked for; the counterfactual cost is this model's."""
    model: str = ""
    """What the attempt asked the provider for; the cost is this model's unless the provider names another."""
    model_served: str = ""
    """What the provider says it served; empty when it does not say."""
    service_tier: str = ""
    region: str = ""
    status: Status = "ok"
    http_status: int = 0
    error: str = ""
    """A coded reason (`connect`, `timeout`, `reset`, `http_529`); never a provider's text."""
    usage: Usage = NO_USAGE
    input_before: int = 0
    """Input tokens without compression; equals `usage.input` when nothing was condensed."""
    quality: Quality = "exact"
    price_keys: tuple[str, ...] = ()
    base_price_keys: tuple[str, ...] = ()
    """Where to look for the price of `model_requested`."""
    book: str = ""
    """Version of the price book that both costs were computed with."""
    cost_pusd: int | None = None
    base_cost_pusd: int | None = None
    """The same tokens at `model_requested`: what the attempt would have cost without ccproxy's routing."""
    snapshot: str = ""
    raw_usage: str = ""
    """The provider's own usage object, at most 2 KiB."""
    key_hash: str = ""


def event_id(src: str, seq: int) -> UUID:
    """The event's identity, the same on every resend: uuid5 of source and sequence."""
    return uuid5(UUID(src), str(seq))


class Batch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Events of one source in sequence order, at most `MAX_BATCH_EVENTS`."""

    src: str
    events: tuple[UsageEvent, ...]


class Ack(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The ledger has all of `src`'s events up to `seq` that its sender still had, on disk: the sender may forget them.

    Senders post in order, one batch at a time, from the first number that nobody has acknowledged: on a cluster the
    next batch may go to another collector, which cannot know what came before.
    """

    src: str
    seq: int


MAX_BATCH_EVENTS = 500
MAX_RAW_USAGE_BYTES = 2048

encode_event = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(UsageEvent).decode
encode_batch = msgspec.json.Encoder().encode
decode_batch = msgspec.json.Decoder(Batch).decode
encode_ack = msgspec.json.Encoder().encode
decode_ack = msgspec.json.Decoder(Ack).decode
