"""The server process of `convergence.py --static`: the distributor alone, without watches, told when to publish.

So the streams' own share of the way can be told from the watch's and the compiler's. Next: `convergence_world.py`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path

import uvloop

from bench.cluster.convergence_world import CREATED, NAMESPACE, policies
from ccproxy_operator.api import Api, access_from, path_of
from ccproxy_operator.distributor.distributor import Distributor
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import cluster_document
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.tls import client_context, server_context


def compiled(generation: int) -> CompiledNamespace:
    objects = [
        {**each, "metadata": {**each["metadata"], "creationTimestamp": CREATED}} for each in policies(generation)
    ]
    found = {
        (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): cluster_document(each)
        for each in objects
    }
    return compile_namespace(
        NAMESPACE,
        list(found.values()),
        find=lambda *key: found.get(key),
        tenant="none",
        namespace_labels=lambda _namespace: {},
    )


async def main(kubeconfig: Path, tls: Path) -> None:
    api = Api(await access_from(kubeconfig))
    registry = Registry()
    distributor = Distributor(
        api=api,
        namespace="ccproxy-system",
        own_pod="bench",
        replica="bench/1",
        ready=lambda: True,
        own_token=lambda: "",
        trust=lambda: client_context((tls.parent / "root" / "root.crt").read_text()),
        registry=registry,
    )
    pods, _ = await api.list(path_of("v1", "pods", NAMESPACE))
    for pod in pods:
        distributor.pod_seen(pod)
    distributor.publish(NAMESPACE, compiled(0), {"RoutingPolicy": "1"})
    gc.set_threshold(50_000, 20, 50)
    async with background(distributor.run()), distributor.listening("127.0.0.1", 0, server_context(tls)) as port:
        print(json.dumps({"port": port}), flush=True)
        converged, seen = distributor._metrics.convergence, 0
        while line := await asyncio.to_thread(sys.stdin.readline):
            generation = int(line)
            if generation == 1:
                gc.collect()
                gc.freeze()
            started_s = time.monotonic()
            distributor.publish(NAMESPACE, compiled(generation), {"RoutingPolicy": str(generation + 1)})
            seen += len(pods)
            while sum(converged.counts) < seen:
                await asyncio.sleep(0.005)
            ended_s = time.monotonic()
            assert all(entry.state == "InSync" for entry in distributor.acks().sidecars)
            print(json.dumps({"started_s": started_s, "in_sync_s": ended_s}), flush=True)
    await api.close()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
