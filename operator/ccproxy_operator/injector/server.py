"""HTTP in, HTTP out: reviews on one port, health and metrics on the other. Counts and times what happens.

Must not know what a pod is. Next: `review.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from ccproxy_contract.names import PATH_HEALTH, PATH_INJECT, PATH_METRICS, PATH_READY
from ccproxy_operator.injector.events import tellable
from ccproxy_operator.injector.listener import MAX_BODY_BYTES
from ccproxy_operator.injector.metrics import Metrics
from ccproxy_operator.injector.review import Note, Reviewer
from ccproxy_runtime.exposition import CONTENT_TYPE
from ccproxy_runtime.logs import logger

BODY_S: Final = 10.0
"""An API server waits no longer for an answer; nobody else has a say in what is held here."""
_log = logger("injector")


class Server:
    """Answers reviews. `reviewer` is replaced when the root certificate is; `clock` answers seconds."""

    def __init__(
        self, reviewer: Reviewer, *, metrics: Metrics, note: Callable[[Note], None], clock: Callable[[], float]
    ) -> None:
        self.reviewer = reviewer
        self.stopping = False
        self._metrics = metrics
        self._note = note
        self._clock = clock

    async def review(self, request: web.BaseRequest) -> web.StreamResponse:
        """400 for what is no review, 408 and 413 for a body over the limits of time and size; else 200 on this path."""
        if request.path != PATH_INJECT or request.method != "POST":
            return web.Response(status=404)
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.read()
        except TimeoutError:
            return self._wrong(408, f"a review must be here within {BODY_S:g} s")
        except web.HTTPRequestEntityTooLarge:
            return self._wrong(413, f"a review is at most {MAX_BODY_BYTES} bytes long")
        begin_s = self._clock()
        try:
            answer = self.reviewer.answer(body)
        except (ValueError, RecursionError):
            return self._wrong(400, "not an AdmissionReview (admission.k8s.io/v1) of a pod")
        if answer.note is not None and tellable(answer.note):
            self._note(answer.note)
        self._metrics.reviews.child(answer.outcome, answer.reason).inc()
        self._metrics.seconds.observe(self._clock() - begin_s)
        response = web.Response(body=answer.body, content_type="application/json")
        if self.stopping:
            response.force_close()  # the API server's next review goes to another replica
        return response

    async def ops(self, request: web.BaseRequest) -> web.StreamResponse:
        """What kubelet and Prometheus ask."""
        if request.path == PATH_HEALTH:
            return web.Response(text="ok\n")
        if request.path == PATH_READY:
            return web.Response(status=503, text="stopping\n") if self.stopping else web.Response(text="ok\n")
        if request.path == PATH_METRICS:
            return web.Response(body=self._metrics.registry.render(), headers={"content-type": CONTENT_TYPE})
        return web.Response(status=404)

    def _wrong(self, status: int, sentence: str) -> web.Response:
        _log.warning("bad_review", status=status)
        self._metrics.reviews.child("bad", str(status)).inc()
        response = web.Response(status=status, text=f"{sentence}\n")
        response.force_close()
        return response
