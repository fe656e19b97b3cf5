"""From an edit until every sidecar acknowledged it: `python -m bench.cluster.convergence` (bar: p99 < 1 s at 2,000).

A real API server, the operator's process, and streams by the sidecar's own client in four processes, all on this
machine. `--static` measures the distributor alone. With CCPROXY_TEST_KUBECONFIG an API server that runs is used.
Wall times mean little on a machine that others use: CPU seconds per edit stand beside them.
Next: `convergence_servers.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.cluster.convergence_servers import HOST, Operator, Server, Static, scratch, started, told
from bench.cluster.convergence_world import make_world
from bench.processes import cpu_ns, memory
from ccproxy_operator.api import Api, access_from
from tests.cluster.control_plane import control_plane

PROCESSES = 4
BAR_S = 1.0


async def world(kubeconfig: Path, pods: int) -> list[str]:
    api = Api(await access_from(kubeconfig))
    try:
        return await make_world(api, pods)
    finally:
        await api.close()


def clients(folder: Path, tokens: list[str], server: Server) -> list[subprocess.Popen[str]]:
    """Four processes, and all their streams in sync."""
    (folder / "root.crt").write_text(server.root)
    processes = []
    for number in range(PROCESSES):
        own = folder / str(number)
        own.mkdir()
        (own / "tokens.json").write_text(json.dumps(tokens[number::PROCESSES]))
        url = f"wss://{HOST}:{server.port}"
        processes.append(started("bench.cluster.convergence_clients", str(own), url, str(folder / "root.crt")))
    return processes


def measure(server: Server, streams: list[subprocess.Popen[str]], edits: int) -> list[float]:
    """Seconds of each edit until the server has all acknowledgements."""
    found = []
    before_ns = cpu_ns(server.process.pid), sum(cpu_ns(each.pid) for each in streams)
    for generation in range(1, edits + 1):
        started_s = server.edit(generation)
        lines = [told(each) for each in streams]
        found.append(server.synced_s() - started_s)
        assert {line["generation"] for line in lines} == {f"generation-{generation}"}
        first_s = min(line["first_s"] for line in lines) - started_s
        last_s = max(line["last_s"] for line in lines) - started_s
        take_s = sum(line["take_s"] for line in lines)
        print(
            f"  {generation:2d}: first {first_s:.3f} last {last_s:.3f} in sync {found[-1]:.3f} s; taking {take_s:.2f} "
            f"CPU s; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        time.sleep(0.5)
    server_s = (cpu_ns(server.process.pid) - before_ns[0]) / 1e9 / edits
    clients_s = (sum(cpu_ns(each.pid) for each in streams) - before_ns[1]) / 1e9 / edits
    print(f"CPU per edit: server {server_s:.2f} s, clients {clients_s:.2f} s")
    return found


def main() -> int:
    """0: the bar holds; 1: it does not."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sidecars", type=int, default=2000)
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--static", action="store_true")
    asked = parser.parse_args()
    folder = scratch()
    processes: list[subprocess.Popen[str]] = []
    try:
        with control_plane(folder / "cluster") as cluster:
            tokens = asyncio.run(world(cluster.kubeconfig, asked.sidecars))
            server: Server = (Static if asked.static else Operator)(cluster, folder, asked.sidecars)
            processes.append(server.process)
            print(f"{asked.sidecars} pods known; server: {memory(server.process.pid)}", flush=True)
            began_s = time.monotonic()
            streams = clients(folder, tokens, server)
            processes += streams
            for each in streams:
                told(each)
            print(f"all connected and in sync in {time.monotonic() - began_s:.1f} s")
            print(f"server: {memory(server.process.pid)}; load {os.getloadavg()}", flush=True)
            found = sorted(measure(server, streams, asked.edits))
            p99_s = found[min(len(found) - 1, int(len(found) * 0.99))]
            print(f"edit to all in sync: p50 {statistics.median(found):.3f} s, p99 {p99_s:.3f} s (bar {BAR_S} s)")
            print(f"server: {memory(server.process.pid)}; load {os.getloadavg()}")
            return 0 if p99_s < BAR_S else 1
    finally:
        for each in processes:
            each.kill()
            each.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
