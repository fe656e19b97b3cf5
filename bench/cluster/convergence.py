"""From an edit until every sidecar acknowledged it: `python -m bench.cluster.convergence` (bar: p99 < 1 s at 2,000).

A real API server, a server process, and streams by the sidecar's own client in four processes, all on this machine.
With CCPROXY_TEST_KUBECONFIG an API server that runs is used. Next: `convergence_static.py`.
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
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from bench.cluster.convergence_world import make_world
from bench.processes import cpu_ns, memory
from ccproxy_operator.api import Api, access_from
from tests.cluster.control_plane import control_plane
from tests.fakes.tls_files import made_root

PROCESSES = 4
BAR_S = 1.0
MEMORY = Path("/dev/shm")


def started(module: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The process's next line."""
    line = _pipe(process.stdout).readline()
    assert line, f"a process ended with {process.poll()}"
    found: dict[str, Any] = json.loads(line)
    assert "rejected" not in found, found
    return found


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


async def world(kubeconfig: Path, pods: int) -> list[str]:
    api = Api(await access_from(kubeconfig))
    try:
        return await make_world(api, pods)
    finally:
        await api.close()


def clients(folder: Path, tokens: list[str], url: str, root: Path) -> list[subprocess.Popen[str]]:
    processes = []
    for number in range(PROCESSES):
        own = folder / str(number)
        own.mkdir()
        (own / "tokens.json").write_text(json.dumps(tokens[number::PROCESSES]))
        processes.append(started("bench.cluster.convergence_clients", str(own), url, str(root)))
    return processes


def measure(server: subprocess.Popen[str], streams: list[subprocess.Popen[str]], edits: int) -> list[float]:
    """Seconds of each edit until the server knows that all are in sync."""
    found = []
    cpu = cpu_ns(server.pid), [cpu_ns(each.pid) for each in streams]
    for generation in range(1, edits + 1):
        _pipe(server.stdin).write(f"{generation}\n")
        _pipe(server.stdin).flush()
        lines = [told(each) for each in streams]
        done = told(server)
        assert {line["generation"] for line in lines} == {f"generation-{generation}"}
        found.append(done["in_sync_s"] - done["started_s"])
        first = min(line["first_s"] for line in lines) - done["started_s"]
        last = max(line["last_s"] for line in lines) - done["started_s"]
        take = sum(line["take_s"] for line in lines)
        print(f"  {generation:2d}: first {first:.3f} last {last:.3f} in sync {found[-1]:.3f}, taking {take:.2f} CPU s")
        time.sleep(0.3)
    spent = (
        (cpu_ns(server.pid) - cpu[0]) / 1e9,
        sum(cpu_ns(each.pid) - was for each, was in zip(streams, cpu[1], strict=True)) / 1e9,
    )
    print(f"CPU per edit: server {spent[0] / edits:.2f} s, clients {spent[1] / edits:.2f} s")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sidecars", type=int, default=2000)
    parser.add_argument("--edits", type=int, default=30)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    processes: list[subprocess.Popen[str]] = []
    try:
        with control_plane(folder / "cluster") as cluster:
            tokens = asyncio.run(world(cluster.kubeconfig, asked.sidecars))
            root = made_root(folder / "root")
            tls = root.leaf(folder / "tls", "localhost")
            server = started("bench.cluster.convergence_static", str(cluster.kubeconfig), str(tls))
            processes.append(server)
            port = told(server)["port"]
            began_s = time.monotonic()
            processes += clients(folder, tokens, f"wss://localhost:{port}", root.folder / "root.crt")
            for each in processes[1:]:
                told(each)
            print(f"{asked.sidecars} sidecars connected and in sync in {time.monotonic() - began_s:.1f} s")
            print(f"server: {memory(server.pid)}; load {os.getloadavg()}")
            found = sorted(measure(server, processes[1:], asked.edits))
            p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
            print(f"edit to all in sync: p50 {statistics.median(found):.3f} s, p99 {p99:.3f} s (bar {BAR_S} s)")
            print(f"server: {memory(server.pid)}; load {os.getloadavg()}")
    finally:
        for each in processes:
            each.kill()
            each.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
