"""What a compressor counts. Must not hold anything of a segment. Here the walk ends."""

from __future__ import annotations

from ccproxy_contract.compress import CompressAnswer
from ccproxy_runtime.metrics import LLM_SECONDS, Registry


class Metrics:
    """Families of one process."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.refused = registry.counter("ccproxy_compress_refused_total", "Requests not answered.", ("status",))
        self._segments = registry.counter("ccproxy_compress_segments_total", "Segments judged.", ("outcome",))
        self._folds = registry.counter("ccproxy_compress_folds_total", "Folds made, by kind.", ("kind",))
        self._before = registry.counter("ccproxy_compress_tokens_before_total", "Tokens that came in.").child()
        self._after = registry.counter("ccproxy_compress_tokens_after_total", "Tokens that are left.").child()
        self._seconds = registry.histogram(
            "ccproxy_compress_seconds", "Time of a request, waiting included.", bounds=LLM_SECONDS
        ).child()

    def answered(self, answer: CompressAnswer, seconds: float) -> None:
        """Count one answer."""
        self._seconds.observe(seconds)
        for segment in answer.segments:
            self._segments.child("folded" if segment.folds else "kept").inc()
            self._before.inc(segment.tokens_before)
            self._after.inc(segment.tokens_after)
            for fold in segment.folds:
                self._folds.child(fold.kind).inc()
