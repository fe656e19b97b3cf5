"""What the injector counts. Names are fixed: dashboards and alerts read them. Here the walk ends."""

from __future__ import annotations

from ccproxy_runtime.metrics import Registry

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25)
"""From the work on one review to what an API server's patience is."""


class Metrics:
    """Every series of the injector."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.reviews = registry.counter(
            "ccproxy_injector_reviews_total", "Reviews answered, by outcome and coded reason.", ("outcome", "reason")
        )
        self.seconds = registry.histogram(
            "ccproxy_injector_review_seconds", "Work on one review, without reading it.", bounds=SECONDS
        ).child()
        self.events = registry.counter(
            "ccproxy_injector_events_total", "Kubernetes Events: written, repeated, dropped or failed.", ("result",)
        )
        self.roots = registry.counter(
            "ccproxy_injector_roots_total", "Root certificates taken since the start."
        ).child()
