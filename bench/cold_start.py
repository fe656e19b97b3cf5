"""From starting the process to the first answer with status 200: seconds on the clock and of CPU.

Next: `results.py`.
"""

from __future__ import annotations

import time
from statistics import median

from bench import places
from bench.asking import wait_for_answer
from bench.loading import Rig, port_of, start_gateway
from bench.processes import cpu_ns, stop
from bench.results import Measured
from bench.target import Target

_GIVE_UP_S = 60.0


def measure_cold_starts(rig: Rig, target: Target, count: int, measured: Measured) -> None:
    """The middle of `count` starts; a target that never answers says so."""
    rig.provide(places.BURST_PORT)
    starts = [start for start in (_cold_start(target) for _ in range(count)) if start is not None]
    if not starts:
        measured.failure = f"no answer within {_GIVE_UP_S:.0f} s of a cold start"
        return
    measured.cold_start_s = round(median(wall_s for wall_s, _ in starts), 3)
    measured.cold_start_cpu_s = round(median(cpu_s for _, cpu_s in starts), 3)


def _cold_start(target: Target) -> tuple[float, float] | None:
    """Wall and CPU seconds; `None` when no 200 came in time."""
    provider_port, port = places.BURST_PORT, port_of(target, places.BURST_PORT)
    started = time.monotonic()
    process = start_gateway(target, provider_port, port)
    try:
        if wait_for_answer(target, provider_port=provider_port, port=port, timeout_s=_GIVE_UP_S):
            return time.monotonic() - started, cpu_ns(process.pid) / 1e9
        return None
    finally:
        stop(process)
