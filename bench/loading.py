"""One measurement: run the load generator and read what the gateway's process tree burnt meanwhile.

The first figure to look at is CPU microseconds per call or chunk: neighbours on the machine disturb it far less than
rates and latencies. Next: `measuring.py`.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bench import places
from bench.processes import cpu_ns, machine_busy_s, start_provider, stop, wait_for_port
from bench.target import Target

Sample = dict[str, float]
"""What `lg` prints (rates per second, times in microseconds) plus `foreign_cores` (busy cores that are not ours) and,
with a gateway, `cpu_cores`, `cpu_us_call`, `cpu_us_chunk`."""

_MARGIN_S = 0.15
"""The CPU window closes before the load generator starts to sort its samples."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What `lg` is told. `rate_per_s` 0 is a closed loop."""

    body: str
    connections: int
    duration_s: float
    warmup_s: float = 0.7
    rate_per_s: int = 0


class Started(msgspec.Struct, frozen=True):
    """A target that answers on `port`; `pid` is `None` when the load goes to the provider itself."""

    target: Target
    provider_port: int
    port: int
    pid: int | None


class Rig:
    """The fake providers of one run; knows which processes are the rig's own."""

    def __init__(self) -> None:
        self._providers: dict[int, subprocess.Popen[bytes]] = {}

    def provide(self, port: int, *options: str) -> None:
        """Starts a fake provider at the port unless one runs already."""
        if port not in self._providers:
            self._providers[port] = start_provider(places.PROVIDER, port, *options, core=places.LOAD_CORE)

    def close(self) -> None:
        for process in self._providers.values():
            stop(process)
        self._providers.clear()

    def cpu_ns(self, load: subprocess.Popen[str]) -> int:
        return cpu_ns(load.pid) + sum(cpu_ns(process.pid) for process in self._providers.values())

    @contextmanager
    def running(self, target: Target, provider_port: int) -> Iterator[Started]:
        """The target in front of the provider at the port; ended with all its children afterwards."""
        if target.command is None:
            yield Started(target, provider_port, provider_port, None)
            return
        port = port_of(target, provider_port)
        process = start_gateway(target, provider_port, port)
        try:
            wait_for_port(port, process)
            time.sleep(target.settle_s)
            yield Started(target, provider_port, port, process.pid)
        finally:
            stop(process)

    def measure(self, started: Started, load: Load) -> Sample:
        """Raises `RuntimeError` when the load generator fails."""
        process = start_load(started, load)
        time.sleep(load.warmup_s)
        window = _Window(self, process, started.pid)
        time.sleep(load.duration_s - _MARGIN_S)
        cost = window.close()
        return {**finished(process, load), **cost}


def port_of(target: Target, provider_port: int) -> int:
    return provider_port + places.GATEWAY_OFFSET if target.port_per_provider else places.GATEWAY_PORT


def start_gateway(target: Target, provider_port: int, port: int) -> subprocess.Popen[bytes]:
    """Starts the target on its own core; what it says goes to its log under `.perf/logs`."""
    if target.command is None:
        raise ValueError(f"{target.name} has no process to start")
    target.prepare(provider_port, port)
    # Python caches compiled modules wherever people run it; without that every cold start would compile them anew.
    settings = ["-u", "PYTHONDONTWRITEBYTECODE", *(f"{name}={value}" for name, value in target.env.items())]
    command = ["taskset", "-c", places.GATEWAY_CORE, "env", *settings, *target.command(provider_port, port)]
    with (places.LOGS / f"{target.name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=places.ROOT)


def start_load(started: Started, load: Load) -> subprocess.Popen[str]:
    target = started.target
    command = ["taskset", "-c", places.LOAD_CORE, str(places.LOAD), "-n", "-p", str(started.port), "-u", target.path]
    command += ["-b", str(places.BODIES / target.body(load.body)), "-c", str(load.connections)]
    command += ["-d", str(load.duration_s), "-w", str(load.warmup_s), "-r", str(load.rate_per_s)]
    for header in target.headers(started.provider_port):
        command += ["-H", header]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str], load: Load) -> Sample:
    """What the load generator printed. Raises `RuntimeError` when it failed; says what the first failure was."""
    out, problems = process.communicate(timeout=load.warmup_s + load.duration_s + 60)
    if process.returncode != 0:
        raise RuntimeError(f"lg ended with status {process.returncode}: {problems.strip()}")
    if problems:
        print(f"  lg: {problems.strip()}", flush=True)
    sample = {name: float(value) for name, value in json.loads(out).items()}
    if not sample["done"] and not sample["events"]:
        raise RuntimeError(f"not one call was answered: {out.strip()}")
    return sample


class _Window:
    """What the machine, the rig and the gateway burn between construction and `close`."""

    def __init__(self, rig: Rig, load: subprocess.Popen[str], gateway: int | None) -> None:
        self._rig, self._load, self._gateway = rig, load, gateway
        self._before = self._read()

    def _read(self) -> tuple[float, float, float, float]:
        """Seconds: machine busy, rig, gateway, clock."""
        gateway_s = cpu_ns(self._gateway) / 1e9 if self._gateway is not None else 0.0
        return machine_busy_s(), self._rig.cpu_ns(self._load) / 1e9, gateway_s, time.monotonic()

    def close(self) -> Sample:
        busy_s, rig_s, gateway_s, elapsed_s = (
            after - before for after, before in zip(self._read(), self._before, strict=True)
        )
        foreign = max(0.0, busy_s - rig_s - gateway_s) / elapsed_s
        return {"foreign_cores": round(foreign, 3), "cpu_cores": round(gateway_s / elapsed_s, 4)}
