"""What the operator's core counts. Must not be fed from the watches' thread. Next: `compiling.py`.

The distributor and the leader's parts add their own families to the same registry.
"""

from __future__ import annotations

from collections.abc import Callable

from ccproxy_runtime.metrics import Registry

COMPILE_BOUNDS_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class OperatorMetrics:
    """Families of the core, made once per process."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.events = registry.counter("ccproxy_operator_watch_events_total", "Watch events taken.", ("kind",))
        self.stale_events = registry.counter(
            "ccproxy_operator_late_events_total", "Watch events that were older than what was known.", ("kind",)
        )
        self.lists = registry.counter("ccproxy_operator_lists_total", "Lists that watches began with.", ("kind",))
        self.compile_seconds = registry.histogram(
            "ccproxy_operator_compile_seconds", "One round of compiling all that changed.", bounds=COMPILE_BOUNDS_S
        )
        self.compile_failures = registry.counter(
            "ccproxy_operator_compile_failures_total", "Namespaces that kept their last good result because of a bug."
        )
        self.status_writes = registry.counter("ccproxy_operator_status_writes_total", "Status writes.", ("result",))
        self.objects = registry.gauge("ccproxy_operator_objects", "Objects known.", ("kind",))
        self.sidecars = registry.gauge(
            "ccproxy_operator_sidecars", "Injected pods, as the leader sees them.", ("state",)
        )

    def watch(self, *, leading: Callable[[], bool], watch_restarts: Callable[[], int]) -> None:
        """What others keep, read at each scrape."""
        self.registry.gauge_fn(
            "ccproxy_operator_leading", "1 while this replica holds the Lease.", lambda: int(leading())
        )
        self.registry.counter_fn("ccproxy_operator_watch_restarts_total", "Fatal watch errors.", watch_restarts)
