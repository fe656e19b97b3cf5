"""`python -m bench`: measure, print the tables and the bars, write `.perf/result.json`.

Quick by default (under 8 minutes); `--prove` is full size. Exit code 1 when a call failed or a target of ours could
not be measured, with `--prove` also when a bar is missed. Next: `places.py`.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time

import msgspec

from bench import places
from bench.bars import bars
from bench.building import build
from bench.cold_start import measure_cold_starts
from bench.loading import Rig
from bench.measuring import PROVE, QUICK, Plan, hold_streams, measure, modes_of
from bench.processes import refuse_taken_ports
from bench.results import Measured, Result, load_of, machine
from bench.table import tables
from bench.target import Target
from bench.targets import all_targets

_HELD = ("gw", "ccproxy")
_COLD = ("gw", "ccproxy", "litellm", "portkey", "ccr")
_PORTS = (places.BURST_PORT, places.PACED_PORT, places.SLOW_PORT)


def main() -> int:
    options = _options()
    plan = PROVE if options.prove else QUICK
    if options.modes:
        plan = msgspec.structs.replace(plan, modes=tuple(options.modes.split(",")))
    if options.seconds:
        plan = msgspec.structs.replace(plan, duration_s=options.seconds, paced_s=max(3.0, options.seconds))
    _prepare_machine()
    build()
    result = run(_chosen(options.only, plan), plan, extras=not options.modes)
    _report(result)
    return _exit_code(result, prove=options.prove)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--prove", action="store_true", help="full size: more repetitions, longer, every mode")
    parser.add_argument("--only", default="", help="targets, separated by commas")
    parser.add_argument("--modes", default="", help="of json,open,sse,big,paced; leaves out held streams and starts")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of a repetition")
    return parser.parse_args()


def _chosen(only: str, plan: Plan) -> list[Target]:
    """Raises `SystemExit` naming targets that do not exist."""
    targets = {target.name: target for target in all_targets()}
    names = only.split(",") if only else [name for name in targets if name not in plan.left_out]
    if unknown := [name for name in names if name not in targets]:
        raise SystemExit(f"no target {', '.join(unknown)}; there are {', '.join(targets)}")
    return [targets[name] for name in names]


def _prepare_machine() -> None:
    """Raises `SystemExit` when the machine cannot carry the rig."""
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("the rig needs two cores: one for load and provider, one for the gateway")
    refuse_taken_ports(port + offset for port in _PORTS for offset in (0, places.GATEWAY_OFFSET))
    os.sched_setaffinity(0, {int(places.LOAD_CORE)})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that `finally` ends what was started


def run(targets: list[Target], plan: Plan, *, extras: bool) -> Result:
    """Measures the targets one after the other; `extras` adds held streams and cold starts."""
    result = Result(machine=machine())
    rig = Rig()
    started = time.monotonic()
    try:
        for target in targets:
            if reason := target.missing():
                result.skipped[target.name] = reason
                continue
            print(f"{time.monotonic() - started:6.0f} s  {target.name}", flush=True)
            result.targets[target.name] = measured = measure(rig, target, plan, modes_of(target, plan))
            if extras and not measured.failure:
                _measure_extras(rig, target, plan, measured)
    finally:
        rig.close()
    result.machine |= {"seconds": round(time.monotonic() - started, 1), **load_of(result)}
    return result


def _measure_extras(rig: Rig, target: Target, plan: Plan, measured: Measured) -> None:
    if target.name in _HELD:
        hold_streams(rig, target, plan, measured)
    if target.name in _COLD and not measured.failure:
        measure_cold_starts(rig, target, plan.peer_cold_starts if target.peer else plan.cold_starts, measured)


def _report(result: Result) -> None:
    found = bars(result)
    written = {**msgspec.to_builtins(result), "bars": [bar.sentence().strip() for bar in found]}
    places.RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(written)))
    print(f"\n{tables(result)}\n\nbars (ratios within this run; rates per fully used core)")
    for bar in found:
        print(bar.sentence())
    print("\n" + ", ".join(f"{name} {value}" for name, value in result.machine.items()))
    for sentence in result.errors():
        print(f"ERROR {sentence}")


def _exit_code(result: Result, *, prove: bool) -> int:
    """Peers may fail without failing the run; ours may not."""
    peers = {target.name for target in all_targets() if target.peer}
    failed = [line for line in result.errors() if line.partition(":")[0] not in peers]
    missed = prove and any(bar.verdict == "MISSED" for bar in bars(result))
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
