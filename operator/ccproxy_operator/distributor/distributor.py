"""The streams as the rest of the operator sees them: what to publish, which pods there are, how far it has come.

Use:

    distributor = Distributor(api=api, namespace="ccproxy-system", replica=pod_name, …)
    async with asyncio.TaskGroup() as tasks, distributor.listening("0.0.0.0", 4145, context):
        tasks.create_task(distributor.run())          # raises when a part breaks
        tasks.create_task(distributor.gather())       # while this replica holds the Lease

Every namespace that has an injected pod must be published, also one without any policy: its sidecars wait for it.
Must not compile. Next: `../status/conditions.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from ccproxy_contract.accounts import Accounts, accounts_bytes
from ccproxy_contract.names import AUDIENCE_CONFIG
from ccproxy_contract.stream import CLOSE_GONE, Slice, word_bytes
from ccproxy_operator.api import Api
from ccproxy_operator.distributor import retirement
from ccproxy_operator.distributor.acks import Report, report_of
from ccproxy_operator.distributor.fanout import Fanout
from ccproxy_operator.distributor.gate import Gate
from ccproxy_operator.distributor.gathering import Gathering
from ccproxy_operator.distributor.metrics import StreamMetrics
from ccproxy_operator.distributor.owners import Owners
from ccproxy_operator.distributor.peers import Peers
from ccproxy_operator.distributor.pods import Pod, Pods, is_over, pod_of, uid_of
from ccproxy_operator.distributor.progress import Progress, ledger_progress, sidecar_progress
from ccproxy_operator.distributor.questions import Questions
from ccproxy_operator.distributor.retirement import Retired
from ccproxy_operator.distributor.reviews import Reviews
from ccproxy_operator.distributor.server import LEDGER_GROUP, Server
from ccproxy_operator.distributor.slices import Encoded, Slices
from ccproxy_operator.distributor.stream import Stream
from ccproxy_operator.distributor.streams import Streams
from ccproxy_operator.distributor.supply import Supply
from ccproxy_operator.marks import OPERATOR
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_runtime.metrics import Registry

_NO_VERSIONS: Final[dict[str, str]] = {}


class _Accounts(NamedTuple):
    """Accounts, ready to send."""

    hash: str
    frame: bytes
    published_s: float
    book: str = ""
    lean_frame: bytes = b""


class Distributor:
    """`namespace` is the system namespace; `replica` names this start of this pod; `own_pod` is the pod's name."""

    def __init__(
        self,
        *,
        api: Api,
        namespace: str,
        own_pod: str,
        replica: str,
        ready: Callable[[], bool],
        own_token: Callable[[], str],
        trust: Callable[[], ssl.SSLContext],
        registry: Registry,
        clock_s: Callable[[], float] = time.monotonic,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        questions = Questions(api, namespace=namespace, own=own_pod)
        self._replica, self._clock_s = replica, clock_s
        self._pods = Pods()
        self._slices = Slices(clock_s, self._pods.count)
        self._owners = Owners(questions.job)
        self._finding: dict[str, asyncio.Task[None]] = {}
        self._accounts: _Accounts | None = None
        self._metrics = StreamMetrics(registry)
        self._sidecars = self._slice_supply(clock_ms)
        self._ledgers = self._accounts_supply(clock_ms)
        self._fanout = Fanout(self._sidecars.streams, lambda each: self._sidecars.offer(each, timed=True), clock_s)
        self._peers = Peers(
            list_replicas=questions.replicas, token=own_token, trust=trust, host=f"{OPERATOR}.{namespace}.svc"
        )
        self._gathering = Gathering(self._peers, own=self.report, clock_s=clock_s)
        reviews = Reviews(questions.review_token, audience=AUDIENCE_CONFIG, clock_s=clock_s)
        self._server = Server(
            gate=Gate(
                reviews=reviews, pods=self._pods, namespace=namespace, ready=ready, refused=self._metrics.refused
            ),
            pods=self._pods,
            sidecars=self._sidecars,
            ledgers=self._ledgers,
            report=self.report,
            retire=self._retire,
            clock_s=clock_s,
            ended=self._metrics.ended,
        )
        self._metrics.watch(registry, self._sidecars, pods=self._pods)
        self._metrics.watch_work(registry, reviews, slices=self._slices, fanout=self._fanout)

    def publish(self, namespace: str, compiled: CompiledNamespace, resource_versions: Mapping[str, str]) -> None:
        """From now on the sidecars of `namespace` run this."""
        self._slices.publish(namespace, compiled, resource_versions)
        self._fanout.mark(namespace)

    def namespace_gone(self, namespace: str) -> None:
        """A namespace is deleted; its pods go by themselves."""
        self._slices.forget(namespace)

    def accounts(self, accounts: Accounts) -> None:
        """From now on the ledger runs these sealed accounts."""
        frame = word_bytes(Slice(hash=accounts.hash, content=msgspec.Raw(accounts_bytes(accounts))))
        self._accounts = _Accounts(accounts.hash, frame, self._clock_s())
        for stream in self._ledgers.streams.group(LEDGER_GROUP):
            self._ledgers.offer(stream, timed=True)

    def next_root(self, pem: str) -> None:
        """The root certificate that will sign next, for all sidecars; empty: none."""
        self._slices.next_root(pem)
        self._fanout.mark(*self._slices.namespaces)

    def pod_seen(self, obj: Mapping[str, object]) -> None:
        """The Pod watch shows an injected pod (a Kubernetes object), new or changed."""
        uid = uid_of(obj)
        if is_over(obj):
            self.pod_gone(uid)
            return
        pod = pod_of(obj, workload="")
        workload = self._owners.workload(obj, pod.namespace)
        if workload is not None:
            self._known(pod._replace(workload=workload))
        elif uid not in self._finding:
            self._finding[uid] = asyncio.get_running_loop().create_task(self._find(obj, pod))

    def pod_gone(self, uid: str) -> None:
        """The Pod watch says that a pod is gone."""
        finding = self._finding.pop(uid, None)
        if finding is not None:
            finding.cancel()
        self._pods.gone(uid)
        stream = self._sidecars.streams.get(uid)
        if stream is not None:
            self._sidecars.streams.close(stream, CLOSE_GONE)

    def acks(self) -> Progress:
        """How far the newest configuration has come, as far as this replica knows; the Lease holder knows all."""
        sidecars, ledgers = self._gathering.words()
        wanted = self._accounts.hash if self._accounts is not None else ""
        return Progress(
            tuple(sidecar_progress(self._pods, self._slices, sidecars)), tuple(ledger_progress(ledgers, wanted))
        )

    def report(self) -> Report:
        """What the clients of this replica said."""
        return report_of(self._replica, self._sidecars.streams, self._ledgers.streams)

    @property
    def retired(self) -> bool:
        """Is ccproxy being uninstalled?"""
        return self._slices.retired

    async def retire(self) -> Retired:
        """Send every sidecar of this replica its last snapshot; at most 20 s."""
        self._slices.retire()
        self._fanout.mark(*self._slices.namespaces)
        return await retirement.acknowledged(self._sidecars.streams, self._sidecars.in_sync, clock_s=self._clock_s)

    async def run(self) -> None:
        """Until cancelled: keep the streams supplied and alive. Raises when a part of that breaks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fanout.run())
                tasks.create_task(self._sidecars.streams.keep_pulse())
                tasks.create_task(self._ledgers.streams.keep_pulse())
        finally:
            for finding in self._finding.values():
                finding.cancel()
            await self._peers.close()

    async def gather(self) -> None:
        """Until cancelled: hear all replicas' acknowledgements. For the Lease holder."""
        await self._gathering.run()

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
        """Serve during the block, on the port that it gets; at its end every client is told to go elsewhere."""
        async with self._server.listening(host, port, context) as bound:
            yield bound

    async def _retire(self, everywhere: bool) -> Retired:
        return await (retirement.everywhere(self.retire(), self._peers, self._pods) if everywhere else self.retire())

    def _known(self, pod: Pod) -> None:
        before = self._pods.seen(pod)
        stream = self._sidecars.streams.get(pod.uid)
        if stream is not None and before != pod:
            self._sidecars.offer(stream, timed=False)

    async def _find(self, obj: Mapping[str, object], pod: Pod) -> None:
        workload = await self._owners.find(obj, pod.namespace)
        del self._finding[pod.uid]
        self._known(pod._replace(workload=workload))

    def _slice_of(self, stream: Stream) -> Encoded | None:
        pod = self._pods.get(stream.key)
        return self._slices.of(pod, stream.features) if pod is not None else None

    def _slice_supply(self, clock_ms: Callable[[], int]) -> Supply:
        return Supply(
            Streams(self._clock_s),
            wanted=self._slice_of,
            versions=lambda: self._slices.versions,
            clock_s=self._clock_s,
            clock_ms=clock_ms,
            sent=self._metrics.sent,
            rejections=self._metrics.rejections,
            convergence=self._metrics.convergence,
        )

    def _accounts_supply(self, clock_ms: Callable[[], int]) -> Supply:
        return Supply(
            Streams(self._clock_s),
            wanted=lambda _stream: self._accounts,
            versions=lambda: _NO_VERSIONS,
            clock_s=self._clock_s,
            clock_ms=clock_ms,
            sent=self._metrics.accounts_sent,
            rejections=self._metrics.rejections,
        )
