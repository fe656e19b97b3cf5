"""From starting the process to the first answer with status 200: seconds on the clock and of CPU.

Next: `bars.py`.
"""

from __future__ import annotations

import http.client
import time
from statistics import median

from bench import places
from bench.loading import Rig, start_gateway
from bench.processes import cpu_ns, stop
from bench.results import Measured
from bench.target import Target

_GIVE_UP_S = 90.0


def measure_cold_starts(rig: Rig, target: Target, count: int, measured: Measured) -> None:
    """The middle of `count` starts; a target that never answers says so."""
    rig.provide(places.BURST_PORT)
    starts = [_cold_start(target) for _ in range(count)]
    answered = [start for start in starts if start is not None]
    if not answered:
        measured.failure = f"no answer within {_GIVE_UP_S:.0f} s of a cold start"
        return
    measured.cold_start_s = round(median(start[0] for start in answered), 3)
    measured.cold_start_cpu_s = round(median(start[1] for start in answered), 3)


def _cold_start(target: Target) -> tuple[float, float] | None:
    """Wall and CPU seconds; `None` when no 200 came in time."""
    port = places.BURST_PORT + places.GATEWAY_OFFSET if target.port_per_provider else places.GATEWAY_PORT
    body = (places.BODIES / target.body("1k")).read_bytes()
    headers = dict(line.split(": ", 1) for line in target.headers(places.BURST_PORT))
    started = time.monotonic()
    process = start_gateway(target, places.BURST_PORT, port)
    try:
        while time.monotonic() - started < _GIVE_UP_S and process.poll() is None:
            if _answers(port, target.path, body, headers):
                return time.monotonic() - started, cpu_ns(process.pid) / 1e9
            time.sleep(0.01)
        return None
    finally:
        stop(process)


def _answers(port: int, path: str, body: bytes, headers: dict[str, str]) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"content-type": "application/json", **headers})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
