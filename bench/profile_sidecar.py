"""`python -m bench.profile_sidecar`: which step of a call costs what, when a figure misses its bar.

Runs the sidecar twice under the same load: plain for the true cost of a call, then under cProfile, whose times are
scaled down to that cost. cProfile charges by function calls, so take small functions called often with some salt; the
loop's own C code cannot be told from waiting and is spread over all.
"""

from __future__ import annotations

import argparse
import os
import pstats
import sys
from collections import defaultdict
from pathlib import Path

from bench import places
from bench.building import build
from bench.figures import with_costs
from bench.loading import Load, Rig, Sample
from bench.processes import refuse_taken_ports
from bench.sidecar_target import sidecar
from bench.table import rendered
from bench.target import Shape, Target

_PACED_OPTIONS = ("--gap-us", "20000")
_STATS = places.PERF / "sidecar.prof"
_LOOP = "asyncio/runners.py"
"""Its own time is the loop's: mostly waiting."""

Costs = dict[str, tuple[float, float]]
"""Where to (own seconds, number of calls)."""


def main() -> int:
    options = _options()
    refuse_taken_ports((options.provider_port, places.GATEWAY_PORT))
    build()
    os.sched_setaffinity(0, {int(places.LOAD_CORE)})
    load = Load(body=options.body, connections=options.connections, duration_s=options.seconds)
    shape: Shape = "messages" if options.messages else "chat"
    _STATS.unlink(missing_ok=True)
    rig = Rig()
    try:
        rig.provide(options.provider_port, *(_PACED_OPTIONS if options.paced else ()))
        plain = _measured(rig, sidecar("ccproxy", shape), options.provider_port, load)
        profiled = sidecar("ccproxy-profiled", shape, module=("bench.profiled", str(_STATS)))
        slowed = _measured(rig, profiled, options.provider_port, load)
    finally:
        rig.close()
    if not _STATS.exists():
        print(f"no profile was written: the sidecar did not end by itself; see {places.LOGS}/ccproxy-profiled.log")
        return 1
    _report(plain, slowed, options.top)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.profile_sidecar", description=__doc__)
    parser.add_argument("--messages", action="store_true", help="Messages instead of Chat")
    parser.add_argument("--body", default="1k", choices=("1k", "1k_stream", "100k", "800k"))
    parser.add_argument("--paced", action="store_true", help="20 ms between the chunks of a stream")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--top", type=int, default=40)
    options = parser.parse_args()
    options.provider_port = places.PACED_PORT if options.paced else places.BURST_PORT
    return options


def _measured(rig: Rig, target: Target, provider_port: int, load: Load) -> Sample:
    with rig.running(target, provider_port) as started:
        sample = with_costs(rig.measure(started, load))
    if sample["errors"]:
        print(f"{target.name}: {sample['errors']:.0f} failed calls")
    return sample


def _report(plain: Sample, slowed: Sample, top: int) -> None:
    functions, modules = _costs(_STATS)
    calls = slowed["done_in_all"]
    measured_us = sum(own_s for own_s, _ in functions.values()) / calls * 1e6
    scale = min(1.0, plain["cpu_us_call"] / measured_us)
    print(f"{plain['cpu_us_call']:.1f} us a call without the profiler, {slowed['cpu_us_call']:.1f} us with it;")
    print(f"{calls:.0f} calls profiled; own times below are scaled by {scale:.2f}\n")
    print(_listed(modules, calls=calls, scale=scale, top=20, head="module"))
    print("\n" + _listed(functions, calls=calls, scale=scale, top=top, head="function"))


def _costs(file: Path) -> tuple[Costs, Costs]:
    """Own time and calls by function, and summed by module."""
    functions: Costs = {}
    modules: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for (path, line, name), (_, count, own_s, _, _) in _entries(file).items():
        if path.endswith(_LOOP):
            continue
        module = _module(path, name)
        functions[f"{module}:{line} {name}" if line else name] = (own_s, count)
        before = modules[module]
        modules[module] = (before[0] + own_s, before[1] + count)
    return functions, dict(modules)


def _entries(file: Path) -> dict[tuple[str, int, str], tuple[int, int, float, float, object]]:
    stats = pstats.Stats(str(file))
    return stats.stats  # type: ignore[attr-defined,no-any-return]  # typeshed leaves the table of a profile out


def _module(path: str, name: str) -> str:
    """Path below the distribution; built-in functions by the library that their name shows."""
    for marker in ("site-packages/", "/sidecar/", "/runtime/", "/contract/", "/lib/python"):
        if marker in path:
            return path.partition(marker)[2]
    return name.split(" of ")[-1].strip("<>'") if path == "~" else Path(path).name


def _listed(costs: Costs, *, calls: float, scale: float, top: int, head: str) -> str:
    ranked = sorted(costs.items(), key=lambda item: -item[1][0])[:top]
    rows = [
        [name[-100:], f"{own_s / calls * 1e6 * scale:.2f}", f"{count / calls:.2f}"] for name, (own_s, count) in ranked
    ]
    return rendered((head, "own us a call", "times a call"), rows)


if __name__ == "__main__":
    sys.exit(main())
