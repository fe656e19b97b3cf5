"""What the ledger tells Prometheus about itself. Operational counters, never the bill: that is `/usage`.

Next: `collector.py`.
"""

from __future__ import annotations

from ccproxy_ledger.store_commit import Committed
from ccproxy_runtime.metrics import Registry


class LedgerMetrics:
    """Every metric of the ledger, its children looked up once."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        batches = registry.counter("ccproxy_ledger_batches_total", "Batches of usage events by answer.", ("answer",))
        self.batches_taken = batches.child("taken")
        self.batches_wrong = batches.child("wrong")
        self.batches_later = batches.child("later")
        events = registry.counter("ccproxy_ledger_events_total", "Usage events by what became of them.", ("outcome",))
        self.events = events.child("committed")
        self.duplicates = events.child("duplicate")
        self.conflicts = registry.counter(
            "ccproxy_ledger_conflicts_total", "Settles of an attempt that was settled before; they change nothing."
        ).child()
        self.unpriced = registry.counter(
            "ccproxy_unpriced_total", "Attempts whose model has no price in the book that they name."
        ).child()
        self.book_unknown = registry.counter(
            "ccproxy_book_unknown_total", "Attempts that name a price book which the ledger has never seen."
        ).child()
        self.unstorable = registry.counter(
            "ccproxy_ledger_unstorable_total", "Batches that the database would never take; kept as files."
        ).child()
        self.damaged = registry.counter(
            "ccproxy_ledger_spool_damage_total", "Places in the ledger's own spool that could not be read."
        ).child()
        self.commit_seconds = registry.histogram(
            "ccproxy_ledger_commit_seconds", "Seconds of one database transaction."
        ).child()
        self.database_restarts = registry.counter(
            "ccproxy_ledger_database_starts_total", "Starts of the embedded Postgres."
        ).child()

    def count(self, done: Committed, seconds: float) -> None:
        """Add what one transaction did, which took `seconds`."""
        self.events.inc(done.events)
        self.duplicates.inc(done.duplicates)
        self.conflicts.inc(done.conflicts)
        self.unpriced.inc(done.unpriced)
        self.book_unknown.inc(done.book_unknown)
        self.commit_seconds.observe(seconds)


class CollectorMetrics:
    """What only a collector of a cluster counts."""

    def __init__(self, registry: Registry) -> None:
        self.holes_given_up = registry.counter(
            "ccproxy_ledger_holes_given_up_total", "Sources with missing events that are waited for no longer."
        ).child()


class CallerMetrics:
    """What only a ledger that verifies tokens counts."""

    def __init__(self, registry: Registry) -> None:
        self.refused = registry.counter(
            "ccproxy_ledger_callers_refused_total", "Requests whose token was not good enough, by reason.", ("reason",)
        )
