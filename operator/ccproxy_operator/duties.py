"""What the Lease holder does besides serving: status and gathering here, certificates and the like in their folders.

Each duty runs from the start of a term to its end. Must not do anything outside a term. Next: `cluster.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from ccproxy_operator.certificates.keeper import Certificates
from ccproxy_operator.children.keeper import Children
from ccproxy_operator.children.manifests import Site
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.distributor.distributor import Distributor
from ccproxy_operator.distributor.progress import PodProgress
from ccproxy_operator.events import Recorder
from ccproxy_operator.hub import Hub
from ccproxy_operator.leadership import Duty
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.repair.keeper import Repair
from ccproxy_operator.settings import Settings
from ccproxy_operator.status.programmed import Sidecar
from ccproxy_operator.status.writer import StatusWriter
from ccproxy_operator.webhook.keeper import WebhookKeeper

EACH_S = 1.0
FIRST_S = 1.0
"""Time for the first gathering of a term to hear the other replicas; policies wait for it, to be written once."""
STATES = ("InSync", "Stale", "Rejected", "Absent")


class StatusDuty:
    """Writes statuses, and measures the sidecars each second."""

    def __init__(self, hub: Hub, writer: StatusWriter, *, distributor: Distributor, metrics: OperatorMetrics) -> None:
        self._hub = hub
        self._writer = writer
        self._distributor = distributor
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._distributor.gather())
                tasks.create_task(self._measure())
                await self._writer.run(self._hub.look_at_all)
        finally:
            self._hub.judgement.forget_pods()
            self._count(())

    async def _measure(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            if self._hub.compiling.ready.is_set():
                progress = self._distributor.acks().sidecars
                self._hub.look_at(*self._hub.judgement.gathered(sidecar(one) for one in progress))
                self._count(progress)
            await asyncio.sleep(EACH_S)

    def _count(self, progress: Iterable[PodProgress]) -> None:
        counted = dict.fromkeys(STATES, 0)
        for one in progress:
            counted[one.state] += 1
        for state, number in counted.items():
            self._metrics.sidecars.child(state).set(number)


def sidecar(progress: PodProgress) -> Sidecar:
    """A pod's progress as a status needs it."""
    pod = progress.pod
    left_out = tuple((left.policy, left.rule) for left in progress.left_out)
    return Sidecar(pod.namespace, pod.name, pod.labels, progress.state, progress.reason, left_out)


def cluster_duties(settings: Settings, cluster: Cluster, *, hub: Hub, distributor: Distributor) -> tuple[Duty, ...]:
    """Certificates, webhook, compressors, repair. `cluster` writes only while this replica leads."""
    namespace, registry = settings.namespace, hub.metrics.registry

    def retired() -> bool:
        return distributor.retired

    site = Site(namespace, {engine: image for engine, image in settings.compressor_images.items() if image})
    recorder = Recorder(cluster, registry=registry, clock=time.time)
    certificates = () if settings.cert_manager else (Certificates(cluster, namespace=namespace, registry=registry),)
    return (
        *certificates,
        WebhookKeeper(cluster, namespace=namespace, registry=registry, retired=retired),
        Children(cluster, site=site, backends=hub.world.model_backends, report=hub.report, registry=registry),
        Repair(cluster, recorder, namespace=namespace, registry=registry, retired=retired),
    )
