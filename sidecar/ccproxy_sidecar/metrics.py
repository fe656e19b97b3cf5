"""Every metric of the sidecar, in one table. Labels are bounded: rules, backends and buckets, never people's words.

Must not decide anything. Next: `server.py`.
"""

from __future__ import annotations

from ccproxy_contract.money import PUSD_PER_USD
from ccproxy_runtime.metrics import Registry


class Metrics:
    """The sidecar's counters and histograms; children are cached by the families."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        counter, histogram = registry.counter, registry.histogram
        self.calls = counter(
            "ccproxy_calls_total",
            "Calls answered, also those that ccproxy refused itself.",
            ("rule", "backend", "outcome"),
        )
        self.attempts = counter("ccproxy_attempts_total", "Tries of calls at a provider.", ("backend", "outcome"))
        self.tokens = counter("ccproxy_tokens_total", "Tokens by disjoint bucket.", ("backend", "bucket"))
        self.cost = counter(
            "ccproxy_cost_usd_total", "Provisional cost; the ledger's is final.", ("backend",), scale=PUSD_PER_USD
        )
        self.savings = counter(
            "ccproxy_savings_usd_total",
            "Cost at the model asked for less the cost; below zero counts in ccproxy_extra_cost_usd_total.",
            ("rule",),
            scale=PUSD_PER_USD,
        )
        self.extra_cost = counter(
            "ccproxy_extra_cost_usd_total", "Cost above that of the model asked for.", ("rule",), scale=PUSD_PER_USD
        )
        self.unpriced = counter("ccproxy_unpriced_total", "Attempts whose model has no price.", ("backend",))
        self.estimated = counter("ccproxy_estimated_total", "Attempts whose usage was estimated.", ("backend",))
        self.added = histogram(
            "ccproxy_added_seconds", "Time a call answered at its first try spent in ccproxy itself.", ()
        )
        self.first_byte = histogram(
            "ccproxy_time_to_first_byte_seconds", "From the call's arrival to its first byte out.", ()
        )
        self.latency = histogram("req_latency_seconds", "From the call's arrival to its last byte out.", ())
        self.tokens_in = counter("tokens_in_total", "Input tokens that providers read.", ())
        self.tokens_saved = counter("tokens_saved_total", "Input tokens removed by compression.", ())
        self.shadows = counter("ccproxy_shadow_total", "Calls that a Shadow rule would have taken.", ("rule",))
        self.refused = counter("ccproxy_refused_total", "Calls that ccproxy refused itself.", ("kind",))
        self.events_dropped = counter(
            "ccproxy_events_dropped_total", "Usage events lost because spool and memory were full.", ()
        )
        self.rule_failures = counter(
            "ccproxy_rule_failures_total", "Failed answers of users' own rules (`class`).", ("rule", "reason")
        )
        self.reloads = counter(
            "ccproxy_snapshot_reloads_total", "Snapshots taken, refused, or found damaged.", ("outcome",)
        )
        self.pings = counter("ccproxy_pings_total", "Own pings over a provider's silence.", ())
        self.unconfigured = counter(
            "ccproxy_unconfigured_calls_total", "Calls that went out on the client's own key before a snapshot.", ()
        )
        self.unkept = counter("ccproxy_snapshots_unkept_total", "Snapshots that the memory volume did not take.", ())
        for counted in (self.tokens_saved, self.events_dropped, self.pings, self.unconfigured, self.unkept):
            counted.child()  # there from the start, at 0: a first increase can be seen
        self._backends: dict[str, BackendMetrics] = {}

    def of(self, backend: str) -> BackendMetrics:
        """The children of one backend."""
        found = self._backends.get(backend)
        if found is None:
            found = self._backends[backend] = BackendMetrics(self, backend)
        return found


class BackendMetrics:
    """One backend's children, looked up once: the hot path asks for one of these instead of for nine."""

    __slots__ = ("cache_read", "cache_write", "cost", "estimated", "output", "uncached", "unpriced")

    def __init__(self, metrics: Metrics, backend: str) -> None:
        tokens = metrics.tokens
        self.uncached = tokens.child(backend, "uncached")
        self.cache_read = tokens.child(backend, "cache_read")
        self.cache_write = tokens.child(backend, "cache_write")
        self.output = tokens.child(backend, "output")
        self.cost = metrics.cost.child(backend)
        self.estimated = metrics.estimated.child(backend)
        self.unpriced = metrics.unpriced.child(backend)
