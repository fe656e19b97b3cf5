"""Where a sidecar's snapshot comes from: on a laptop a file that is followed, in a pod the operator's stream.

In a pod the last good snapshot is read at once, so that a restart serves while operator and API server are away.
Must not judge a snapshot: `Live.take` compiles it. Next: `trust.py`, `live.py`.
"""

from __future__ import annotations

import contextlib
import random
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ccproxy_contract.features import FEATURES
from ccproxy_contract.names import AUDIENCE_CONFIG, PATH_STREAM
from ccproxy_contract.snapshot import Snapshot, snapshot_from_bytes, snapshot_from_stream
from ccproxy_contract.stream import Ack, Reject, Slice
from ccproxy_runtime.background import background
from ccproxy_runtime.config_stream import ConfigStream, Source, register
from ccproxy_runtime.feed import load, watch_file
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.logs import logger
from ccproxy_runtime.redaction import redacted
from ccproxy_sidecar.last_good import LastGood, kept
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.settings import Settings
from ccproxy_sidecar.trust import Trust, is_root

MAX_REASON_CHARS = 280
_log = logger("sidecar")


class Configuration:
    """Takes snapshots from wherever they come, and tells of it."""

    def __init__(self, live: Live, metrics: Metrics) -> None:
        self._live = live
        self._metrics = metrics

    def take(self, snapshot: Snapshot) -> bool:
        """Run `snapshot` from now on, unless it cannot run (`live.problem` then says why)."""
        if self._live.program is not None and self._live.program.snapshot.hash == snapshot.hash:
            self._live.problem = ""  # back to what runs: what was wrong with another snapshot is over
            return True
        good = self._live.take(snapshot)
        self._metrics.reloads.child("taken" if good else "refused").inc()
        if good:
            _log.info("snapshot", hash=snapshot.hash, rules=len(snapshot.rules), retired=snapshot.retired)
        else:
            _log.error("snapshot_refused", hash=snapshot.hash)
        return good

    def refuse(self, problem: str) -> None:
        """Note what could not even be read."""
        self._live.problem = problem
        self._metrics.reloads.child("refused").inc()


async def from_file(configuration: Configuration, path: Path, stack: contextlib.AsyncExitStack) -> None:
    """Take what is in the file now, and follow it while `stack` is open."""

    def take(snapshot: Snapshot) -> None:
        configuration.take(snapshot)

    def refuse(problem: str) -> None:
        configuration.refuse(problem)
        _log.error("snapshot_unreadable", path=str(path))

    first = load(path, snapshot_from_bytes)
    if first.value is not None:
        take(first.value)
    watching = watch_file(path, decode=snapshot_from_bytes, on_change=take, on_problem=refuse, poll_s=0.25)
    await stack.enter_async_context(background(watching))


class FromOperator:
    """Takes slices and keeps the last good one in `path`."""

    def __init__(self, configuration: Configuration, *, live: Live, metrics: Metrics, path: Path) -> None:
        self._configuration = configuration
        self._live = live
        self._metrics = metrics
        self._last_good = LastGood(path)

    def restored(self) -> Running:
        """What the last good file brought; nothing when there is none that can run."""
        found = kept(self._last_good.path)
        if found.problem:
            self._metrics.reloads.child("damaged").inc()
            _log.error("last_good_damaged", path=str(self._last_good.path), reason=found.problem)
        if found.snapshot is None or not self._configuration.take(found.snapshot):
            return Running()
        return Running(found.snapshot.hash, dict(found.snapshot.resource_versions))

    async def take(self, offer: Slice) -> Ack | Reject:
        """Dry-compile, swap, keep; a slice that cannot run changes nothing."""
        content = bytes(offer.content)
        try:
            snapshot = snapshot_from_stream(content, known=self._live.book)
        except ValueError as wrong:
            self._configuration.refuse("the operator's newest slice cannot be read")
            return Reject(offer.hash, _sentence(f"the slice cannot be read: {wrong}"))
        if snapshot.hash != offer.hash:
            return Reject(offer.hash, "the slice names another hash than its snapshot")
        if not is_root(snapshot.next_root):
            return Reject(offer.hash, "nextRoot is no PEM certificate")
        if not self._configuration.take(snapshot):
            return Reject(offer.hash, _sentence(self._live.problem))
        self._keep(snapshot)
        return Ack(offer.hash)

    def _keep(self, snapshot: Snapshot) -> None:
        try:
            self._last_good.keep(snapshot)
        except OSError as error:  # it runs all the same; only a restart without an operator would miss it
            self._metrics.unkept.child().inc()
            _log.error("last_good_not_kept", path=str(self._last_good.path), reason=error.strerror)


async def from_operator(
    settings: Settings, *, live: Live, metrics: Metrics, trust: Trust, stack: contextlib.AsyncExitStack
) -> ConfigStream:
    """Serve from the last good file at once, and from the stream while `stack` is open."""
    taking = FromOperator(Configuration(live, metrics), live=live, metrics=metrics, path=settings.snapshot)
    source = Source(
        url=settings.operator_url,
        path=PATH_STREAM,
        token_file=settings.tokens / AUDIENCE_CONFIG,
        roots=trust.roots,
        features=tuple(sorted(FEATURES)),
        build=_build(),
    )
    stream = ConfigStream(
        source, take=taking.take, running=taking.restored(), random=random.random, clock_s=time.monotonic
    )
    register(stream, metrics.registry)
    await stack.enter_async_context(background(stream.run()))
    return stream


def _build() -> str:
    try:
        return version("ccproxy-sidecar")
    except PackageNotFoundError:
        return ""


def _sentence(text: str) -> str:
    """For the operator's status: no key, not long."""
    return redacted(text)[:MAX_REASON_CHARS]
