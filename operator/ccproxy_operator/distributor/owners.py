"""The workload of a pod, where its own metadata does not say it: a Job may belong to a CronJob.

Asked once per Job and remembered. Must not read more than metadata. Next: `slices.py`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ccproxy_operator.distributor.pods import Owner, owner_of
from ccproxy_runtime.logs import logger

REMEMBERED: Final = 10_000
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between questions that found no answer; the last one goes on. Its pod has no stream until then."""
_log = logger("owners")

JobMetadata = Callable[[str, str], Awaitable[Mapping[str, object] | None]]
"""Namespace and name of a Job to the object (its metadata is enough); None when there is none. Raises without an
answer."""


class Owners:
    """Finds workloads; a Job that was asked for once is known."""

    def __init__(self, job: JobMetadata) -> None:
        self._job = job
        self._known: dict[tuple[str, str], Owner] = {}

    def workload(self, obj: Mapping[str, object], namespace: str) -> str | None:
        """`Kind/name` of a pod's top owner; None when `find` must be awaited first."""
        owner = owner_of(obj)
        found = self._known.get((namespace, owner.name)) if owner.kind == "Job" else owner
        return f"{found.kind}/{found.name}" if found is not None else None

    async def find(self, obj: Mapping[str, object], namespace: str) -> str:
        """`Kind/name` of a pod's top owner, asking until there is an answer."""
        name = owner_of(obj).name
        for attempt in itertools.count():
            try:
                found = await self._job(namespace, name)
            except Exception as error:  # whatever the client of the API server raises: there is no answer yet
                _log.warning("no_answer", error=type(error).__name__)
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                continue
            owner = owner_of(found) if found is not None else Owner("Pod", name)
            self._remember((namespace, name), owner if owner.kind == "CronJob" else Owner("Job", name))
            break
        return self.workload(obj, namespace) or f"Job/{name}"

    def _remember(self, job: tuple[str, str], owner: Owner) -> None:
        self._known[job] = owner
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
