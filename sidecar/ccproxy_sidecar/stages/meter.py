"""Stage 4: what each attempt used and cost, as usage events, metrics and session memory. Open and counted on failure.

Billing reads the provider's own usage. Where a stream ended without it, counts are estimated and marked so. Costs
here are provisional (metrics, receipts); the ledger prices again with the same function and book.
Must not fail a call. Next: `../journal.py`.
"""

from __future__ import annotations

import time

import msgspec

from ccproxy_contract.events import Quality, UsageEvent
from ccproxy_contract.pricing import attempt_costs_pusd
from ccproxy_contract.snapshot import DialectName, Snapshot
from ccproxy_contract.usage import NO_USAGE, Usage
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.journal import Journal
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.sessions.threads import thread_of
from ccproxy_sidecar.upstream.attempt import Attempt

NATIVE_PRICES: dict[DialectName, str] = {
    "anthropic-messages": "anthropic",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "openai-embeddings": "openai",
    "gemini-generate": "google",
}
"""Where the model that a client asks for is priced, when its name is not the target's own."""

BYTES_PER_TOKEN = 4
"""A guess of last resort for text whose session has no provider count yet; results are marked `estimated`."""

_METERED = frozenset({"generate", "embed"})


class Meter:
    """Writes `open` and `settle` of every attempt."""

    def __init__(self, *, journal: Journal, metrics: Metrics, sessions: Sessions) -> None:
        self._journal = journal
        self._metrics = metrics
        self._sessions = sessions
        self._native_keys: dict[tuple[str, DialectName], tuple[str, ...]] = {}

    def opened(self, call: Call, attempt: Attempt) -> None:
        """Note that an attempt is about to leave. Free operations (counting, lists) leave no row."""
        if call.operation in _METERED:
            attempt.event = self._opening(call, attempt)
            self._journal.write(attempt.event)

    def settled(self, call: Call, attempt: Attempt) -> None:
        """Note how an attempt ended; a second call for the same attempt does nothing."""
        if attempt.settled:
            return
        attempt.settled = True
        attempt.ended_s = time.perf_counter()
        label = attempt.outgoing.backend.name
        self._metrics.attempts.child(label, attempt.status).inc()
        if attempt.event is None and not self._found_usage(call, attempt):
            return
        assert attempt.event is not None
        settled = _settlement(attempt.event, call, attempt, seq=self._journal.next_seq)
        self._journal.write(settled)
        self._count(settled)
        self._remember(call, attempt)

    def _found_usage(self, call: Call, attempt: Attempt) -> bool:
        """A path only passed through is metered when its answer tells its usage: `open` and `settle` at once.

        A GET repeats the usage of an answer that was metered when it was made.
        """
        if call.operation != "other" or call.method != "POST" or attempt.answer.usage is None:
            return False
        attempt.event = self._opening(call, attempt)
        self._journal.write(attempt.event)
        return True

    def answered(self, call: Call, attempt: Attempt) -> None:
        """Count the call whose answer this attempt was; it is settled already."""
        metrics, backend = self._metrics, attempt.outgoing.backend.name
        metrics.calls.child(call.rule, backend, attempt.status).inc()
        metrics.latency.child().observe(attempt.ended_s - call.started_s)
        if attempt.first_byte_s:
            metrics.first_byte.child().observe(attempt.first_byte_s - call.started_s)
            if attempt.number == 1:  # later tries have waited for other providers and their back-off
                metrics.added.child().observe(attempt.first_byte_s - call.started_s - attempt.waited_s)

    def _opening(self, call: Call, attempt: Attempt) -> UsageEvent:
        snapshot, out, request = call.snapshot, attempt.outgoing, call.request
        requested = request.model if request is not None else attempt.answer.model
        return UsageEvent(
            src=self._journal.src,
            seq=self._journal.next_seq,
            kind="open",
            call=call.id,
            attempt=attempt.number,
            opened_ms=attempt.opened_ms,
            tenant=snapshot.tenant,
            namespace=snapshot.namespace,
            workload=snapshot.workload,
            session=call.session_id,
            agent=call.agent,
            task=call.task,
            rule=call.rule,
            policy=call.policy,
            backend=out.backend.name,
            provider=out.backend.provider,
            dialect=call.dialect.name,
            operation=call.operation,
            stream=request.stream if request is not None else False,
            model_requested=requested,
            model=out.model or requested,
            region=out.backend.region,
            price_keys=out.backend.price_keys,
            base_price_keys=out.backend.price_keys
            if requested == (out.model or requested)
            else self._keys_of_asked(call),
            book=snapshot.book.version,
            snapshot=snapshot.hash,
        )

    def _keys_of_asked(self, call: Call) -> tuple[str, ...]:
        """Where the model asked for is priced when another one answered."""
        name = (call.snapshot.hash, call.dialect.name)
        keys = self._native_keys.get(name)
        if keys is None:
            keys = self._native_keys[name] = asked_price_keys(call.snapshot, call.dialect.name)
        return keys

    def _count(self, event: UsageEvent) -> None:
        metrics, usage = self._metrics, event.usage
        backend = metrics.of(event.backend)
        backend.uncached.inc(usage.uncached)
        backend.cache_read.inc(usage.cache_read)
        backend.cache_write.inc(usage.cache_write)
        backend.output.inc(usage.output)
        metrics.tokens_in.child().inc(usage.input)
        if event.quality != "exact":
            backend.estimated.inc()
        if event.cost_pusd is None:
            backend.unpriced.inc()
            return
        backend.cost.inc(event.cost_pusd)
        if event.base_cost_pusd is not None and event.base_cost_pusd != event.cost_pusd:
            saved = event.base_cost_pusd - event.cost_pusd
            (metrics.savings if saved > 0 else metrics.extra_cost).child(event.rule).inc(abs(saved))

    def _remember(self, call: Call, attempt: Attempt) -> None:
        answer = attempt.answer
        if call.session is None or answer.usage is None or call.request is None:
            return
        self._sessions.settle(
            call.session,
            usage=answer.usage,
            body_bytes=len(call.body),
            spawns=answer.spawns,
            model=call.request.model,
            now_s=time.monotonic(),
            thread=thread_of(call),
        )


def _settlement(opened: UsageEvent, call: Call, attempt: Attempt, *, seq: int) -> UsageEvent:
    """The `settle` of an attempt: its `open` with how it ended, what it used and what that cost."""
    answer, first = attempt.answer, attempt.first_byte_s
    usage, quality = counted(call, attempt)
    cost, base = attempt_costs_pusd(
        call.snapshot.book,
        usage=usage,
        exact=quality == "exact",
        at_ms=opened.opened_ms,
        model=opened.model,
        model_requested=opened.model_requested,
        model_served=answer.model,
        price_keys=opened.price_keys,
        base_price_keys=opened.base_price_keys,
    )
    duration_us = int((attempt.ended_s - attempt.opened_s) * 1_000_000)
    return msgspec.structs.replace(
        opened,
        kind="settle",
        seq=seq,
        ended_ms=attempt.opened_ms + duration_us // 1000,
        duration_us=duration_us,
        first_byte_us=int((first - attempt.opened_s) * 1_000_000) if first else None,
        model_served=answer.model,
        service_tier=answer.service_tier,
        status=attempt.status,
        http_status=attempt.http_status,
        error=attempt.error,
        usage=usage,
        input_before=usage.input,
        quality=quality,
        raw_usage=answer.raw_usage.decode("utf-8", "replace"),
        cost_pusd=cost,
        base_cost_pusd=base,
    )


def counted(call: Call, attempt: Attempt) -> tuple[Usage, Quality]:
    """The attempt's usage and how it is known.

    Refused and never-answered attempts used nothing. An answer that broke off is charged what was produced: the
    provider's input count where it came, else an estimate, and the output that passed.
    """
    answer = attempt.answer
    if answer.usage is not None and answer.ended:
        return answer.usage, "exact"
    if attempt.http_status >= 400 or (attempt.response is None and attempt.status != "client_gone"):
        return NO_USAGE, "exact"
    produced = answer.produced_tokens()
    if answer.usage is not None:
        usage = answer.usage
        return msgspec.structs.replace(usage, output=max(usage.output, produced)), "estimated"
    return Usage(uncached=_guessed_input(call), output=produced), "estimated"


def _guessed_input(call: Call) -> int:
    return call.request.text_bytes // BYTES_PER_TOKEN if call.request is not None else 0


def asked_price_keys(snapshot: Snapshot, dialect: DialectName) -> tuple[str, ...]:
    """Price keys for a model that a client of `dialect` asks for: the dialect's own provider, then the backends'."""
    keys = [NATIVE_PRICES[dialect]]
    for backend in snapshot.backends:
        if dialect in backend.dialects:
            keys.extend(backend.price_keys)
    return tuple(dict.fromkeys(keys))
