"""The numbers of the streams. Must not decide anything. Next: `distributor.py`."""

from __future__ import annotations

from typing import Final

from ccproxy_operator.distributor.fanout import Fanout
from ccproxy_operator.distributor.pods import Pods
from ccproxy_operator.distributor.reviews import Reviews
from ccproxy_operator.distributor.slices import Slices
from ccproxy_operator.distributor.supply import Supply
from ccproxy_runtime.metrics import Counter, Registry

CONVERGENCE_S: Final = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)


class StreamMetrics:
    """Children of one registry."""

    def __init__(self, registry: Registry) -> None:
        self.convergence = registry.histogram(
            "ccproxy_config_convergence_seconds",
            "From a namespace's publication until a sidecar acknowledged its slice.",
            bounds=CONVERGENCE_S,
        ).child()
        self.sent = registry.counter("ccproxy_config_slices_sent_total", "Slices sent.").child()
        self.accounts_sent = registry.counter("ccproxy_config_accounts_sent_total", "Accounts sent.").child()
        self.rejections = registry.counter(
            "ccproxy_config_rejections_total", "Slices and accounts that a client refused to run."
        ).child()
        self.refused = registry.counter(
            "ccproxy_config_refused_total", "Connections refused, by HTTP status.", ("status",)
        )
        self.ended = registry.counter("ccproxy_config_ended_total", "Streams that ended.").child()

    def watch(self, registry: Registry, sidecars: Supply, *, pods: Pods) -> None:
        """Show the streams of this replica; added over all replicas they are all sidecars that are connected."""
        gauge = registry.gauge_fn
        gauge("ccproxy_config_pods", "Injected pods that this replica knows.", lambda: len(pods))
        gauge("ccproxy_config_streams", "Sidecars connected here.", lambda: len(sidecars.streams))
        gauge("ccproxy_config_in_sync", "Connected sidecars that run what they should.", sidecars.in_sync)
        gauge("ccproxy_config_rejecting", "Connected sidecars that refused what they should run.", sidecars.rejecting)

    def watch_work(self, registry: Registry, reviews: Reviews, *, slices: Slices, fanout: Fanout) -> None:
        """Show what others count."""

        def counter_fn(name: str, help: str, counter: Counter) -> None:
            registry.counter_fn(name, help, lambda: counter.value)

        counter_fn("ccproxy_config_reviews_total", "Tokens that the API server was asked about.", reviews.asked)
        counter_fn("ccproxy_config_reviews_unanswered_total", "Token reviews without an answer.", reviews.unanswered)
        counter_fn(
            "ccproxy_config_reviews_remembered_total",
            "Streams let in on an earlier review, without an API server.",
            reviews.remembered,
        )
        counter_fn(
            "ccproxy_config_reviews_turned_away_total",
            "Token reviews past the length of the queue.",
            reviews.turned_away,
        )
        counter_fn("ccproxy_config_slices_made_total", "Slices cut and encoded.", slices.made)
        counter_fn("ccproxy_config_slices_too_large_total", "Slices that no frame holds.", slices.too_large)
        counter_fn("ccproxy_config_offers_broken_total", "Slices that could not be made.", fanout.broken)
