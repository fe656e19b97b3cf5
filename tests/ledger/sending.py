"""Events as a sidecar writes them, and a small price book that knows two models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import uuid4

from ccproxy_contract.events import Batch, Quality, UsageEvent
from ccproxy_contract.prices import Clause, ModelPrices, Period, PriceBook, TierRates, price_book
from ccproxy_contract.usage import NO_USAGE, Usage
from ccproxy_ledger.received import Received

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


def _model(name: str, input_pusd: int, output_pusd: int) -> ModelPrices:
    rates = TierRates(input=input_pusd, output=output_pusd, cache_read=input_pusd // 10)
    return ModelPrices(id=name, match=Clause(kind="startsWith", text=name), periods=(Period(tiers=(rates,)),))


BOOK: PriceBook = price_book(
    {"anthropic": (_model("claude-dear", 5_000_000, 25_000_000), _model("claude-cheap", 1_000_000, 5_000_000))}
)
SOME_USAGE = Usage(uncached=100, cache_read=50, output=20, reasoning=5)
BOOKS = {BOOK.version: BOOK}


def new_src() -> str:
    return str(uuid4())


def settle(
    src: str,
    seq: int,
    *,
    call: str,
    attempt: int = 1,
    model: str = "claude-cheap",
    requested: str = "claude-dear",
    usage: Usage = SOME_USAGE,
    ended_ms: int = NOW_MS,
    session: str = "s",
    agent: str = "main",
    rule: str = "r",
    quality: Quality = "exact",
    book: str = BOOK.version,
    cost_pusd: int | None = None,
) -> UsageEvent:
    return UsageEvent(
        src=src, seq=seq, kind="settle", call=call, attempt=attempt, opened_ms=ended_ms - 10, ended_ms=ended_ms,
        workload="laptop", session=session, agent=agent, rule=rule, policy="p", backend="anthropic",
        provider="Anthropic", dialect="anthropic-messages", operation="generate", model_requested=requested,
        model=model, http_status=200, usage=usage, input_before=usage.input, quality=quality, price_keys=("anthropic",),
        base_price_keys=("anthropic",), book=book, cost_pusd=cost_pusd, base_cost_pusd=cost_pusd,
    )  # fmt: skip


def opened(src: str, seq: int, *, call: str, attempt: int = 1) -> UsageEvent:
    return UsageEvent(
        src=src, seq=seq, kind="open", call=call, attempt=attempt, opened_ms=NOW_MS - 10, workload="laptop",
        backend="anthropic", model="claude-cheap", model_requested="claude-dear", usage=NO_USAGE,
    )  # fmt: skip


def life(src: str, calls: int, *, first: int = 1, ended_ms: int = NOW_MS) -> list[UsageEvent]:
    """`open` and `settle` of `calls` calls in order, numbered from `first`; models, sessions and hours vary."""
    events = []
    for number in range(calls):
        call, seq = f"{src}-{first + 2 * number}", first + 2 * number
        events.append(opened(src, seq, call=call))
        events.append(
            settle(
                src, seq + 1, call=call, model=("claude-cheap", "claude-dear", "unknown")[number % 3],
                session=f"s{number % 5}", ended_ms=ended_ms + (number % 4) * HOUR_MS // 12,
                usage=Usage(uncached=10 + number, cache_read=number % 7, output=number % 11),
            )
        )  # fmt: skip
    return events


def received(
    events: Iterable[UsageEvent], *, tenant: str = "local", at_ms: int = NOW_MS, given_up: int = 0
) -> Received:
    listed = tuple(events)
    return Received(tenant=tenant, received_ms=at_ms, given_up=given_up, batch=Batch(src=listed[0].src, events=listed))


def in_batches(events: Sequence[UsageEvent], size: int) -> list[Received]:
    return [received(events[start : start + size]) for start in range(0, len(events), size)]
