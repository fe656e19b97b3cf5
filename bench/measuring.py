"""What is measured of a target: the modes, in which order and how long. Next: `asking.py`.

json: 1 kB calls, closed loop. big: 100 kB and 800 kB bodies. sse: streams whose chunks come at once. paced: streams of
50 chunks 20 ms apart. open: 200 calls/s on a schedule. held: many streams open at once, one chunk a second each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from bench import places
from bench.asking import wait_for_answer
from bench.figures import repeated, with_costs
from bench.loading import Load, Rig, Started, finished, start_load
from bench.processes import cpu_ns, memory
from bench.results import Measured
from bench.target import Target

Mode = str

_PACED_OPTIONS = ("--gap-us", "20000")
_SLOW_OPTIONS = ("--gap-us", "1000000", "--chunks", "600")
_SERVES_WITHIN_S = 30.0
_OPEN_RATE_PER_S = 200
_OPEN_LEAST_S = 20.0
"""200 calls/s for 20 s: the 99th percentile rests on 40 calls."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. Seconds are of each repetition, without warm-up."""

    repetitions: int
    peer_repetitions: int
    duration_s: float
    paced_s: float
    held_streams: int
    held_s: float
    cold_starts: int
    peer_cold_starts: int
    modes: tuple[Mode, ...]
    left_out: frozenset[str] = frozenset()
    """Targets that no bar needs."""


QUICK = Plan(
    repetitions=2,
    peer_repetitions=1,
    duration_s=2,
    paced_s=4,
    held_streams=1000,
    held_s=8,
    cold_starts=3,
    peer_cold_starts=1,
    modes=("json", "sse", "big", "paced"),
    left_out=frozenset({"passthrough", "litellm-anthropic", "portkey-anthropic"}),
)
PROVE = Plan(
    repetitions=5,
    peer_repetitions=3,
    duration_s=4,
    paced_s=10,
    held_streams=1000,
    held_s=20,
    cold_starts=5,
    peer_cold_starts=3,
    modes=("json", "open", "sse", "big", "paced"),
)
PEER_MODES: tuple[Mode, ...] = ("json16", "sse")
"""What the bars compare with peers."""

SHORT_MODES: dict[str, tuple[Mode, ...]] = {
    "direct": ("json", "sse", "paced"),
    "gw-anthropic": ("json16", "sse", "big"),
    "ccproxy-anthropic": ("json16", "sse", "big"),
    "passthrough": ("json16", "sse", "big"),
}


def modes_of(target: Target, plan: Plan) -> tuple[Mode, ...]:
    """A full run measures everything of everybody; a quick one what the bars need."""
    if plan.modes == PROVE.modes:
        return plan.modes
    if target.peer:
        return PEER_MODES
    wanted = SHORT_MODES.get(target.name, plan.modes)
    return tuple(mode for mode in wanted if mode.rstrip("0123456789") in plan.modes or mode in plan.modes)


def measure(rig: Rig, target: Target, plan: Plan, modes: tuple[Mode, ...]) -> Measured:
    """Raises nothing: a target that fails keeps what was measured and says why."""
    measured = Measured()
    try:
        if set(modes) - {"paced"}:
            rig.provide(places.BURST_PORT)
            with rig.running(target, places.BURST_PORT) as started:
                _measure_bursts(_Bench(rig, started, plan, measured), modes)
        if "paced" in modes:
            rig.provide(places.PACED_PORT, *_PACED_OPTIONS)
            with rig.running(target, places.PACED_PORT) as started:
                _measure_paced(_Bench(rig, started, plan, measured))
    except (RuntimeError, TimeoutError, OSError) as failure:
        measured.failure = str(failure)
    return measured


class _Bench:
    """One started target and where its figures go."""

    def __init__(self, rig: Rig, started: Started, plan: Plan, measured: Measured) -> None:
        self.rig, self.started, self.plan, self.measured = rig, started, plan, measured

    def warm_up(self) -> None:
        """Raises `RuntimeError` when the target does not serve at all."""
        started = self.started
        if not wait_for_answer(
            started.target, provider_port=started.provider_port, port=started.port, timeout_s=_SERVES_WITHIN_S
        ):
            raise RuntimeError(f"no answer with status 200 within {_SERVES_WITHIN_S:.0f} s")
        self.rig.measure(started, Load(body="1k", connections=8, duration_s=1, warmup_s=0.5))

    def run(self, mode: Mode, load: Load, repetitions: int | None = None) -> None:
        usual = self.plan.peer_repetitions if self.started.target.peer else self.plan.repetitions
        sample = repeated(repetitions or usual, lambda: self.rig.measure(self.started, load))
        self.measured.modes[mode] = sample

    def weigh(self, moment: str) -> None:
        if self.started.pid is not None:
            weight = memory(self.started.pid)
            self.measured.memory_mb[f"rss_{moment}"] = weight.rss_mb
            self.measured.memory_mb[f"pss_{moment}"] = weight.pss_mb


def _measure_bursts(bench: _Bench, modes: tuple[Mode, ...]) -> None:
    steps: dict[Mode, Callable[[_Bench], None]] = {
        "json": lambda bench: _json(bench, (1, 16, 64)),
        "json16": lambda bench: _json(bench, (16,)),
        "open": _open,
        "big": _big,
        "sse": _sse,
    }
    bench.weigh("idle")
    bench.warm_up()
    for mode in modes:
        if mode in steps:
            steps[mode](bench)
    bench.weigh("after")


def _json(bench: _Bench, connections: tuple[int, ...]) -> None:
    for count in connections:
        bench.run(f"json{count}", Load(body="1k", connections=count, duration_s=bench.plan.duration_s))


def _open(bench: _Bench) -> None:
    duration_s = max(_OPEN_LEAST_S, bench.plan.duration_s)
    load = Load(body="1k", connections=32, duration_s=duration_s, rate_per_s=_OPEN_RATE_PER_S)
    bench.run(f"open{_OPEN_RATE_PER_S}", load, repetitions=1)


def _big(bench: _Bench) -> None:
    for size in ("100k", "800k"):
        bench.run(f"big{size}", Load(body=size, connections=4, duration_s=bench.plan.duration_s))


def _sse(bench: _Bench) -> None:
    bench.run("sse16", Load(body="1k_stream", connections=16, duration_s=bench.plan.duration_s))


def _measure_paced(bench: _Bench) -> None:
    sizes = (10, 100) if bench.plan.modes == PROVE.modes else (100,)
    for streams in sizes:
        load = Load(body="1k_stream", connections=streams, duration_s=bench.plan.paced_s, warmup_s=1.5)
        bench.run(f"paced{streams}", load)
    bench.weigh("paced")


def hold_streams(rig: Rig, target: Target, plan: Plan, measured: Measured) -> None:
    """Memory and chunk delay with many slow streams open at once; one chunk a second each."""
    rig.provide(places.SLOW_PORT, *_SLOW_OPTIONS)
    warmup_s = 4.0  # every stream is open and has had its first chunks
    load = Load(body="1k_stream", connections=plan.held_streams, duration_s=plan.held_s, warmup_s=warmup_s)
    try:
        with rig.running(target, places.SLOW_PORT) as started:
            if started.pid is None:
                return
            process = start_load(started, load)
            time.sleep(warmup_s)
            before_ns = cpu_ns(started.pid)
            time.sleep(plan.held_s - 2)
            weight = memory(started.pid)
            burnt_s = (cpu_ns(started.pid) - before_ns) / 1e9
            sample = {**finished(process, load), "foreign_cores": 0.0, "cpu_cores": burnt_s / (plan.held_s - 2)}
    except (RuntimeError, TimeoutError, OSError) as failure:
        measured.failure = f"with {plan.held_streams} streams: {failure}"
        return
    measured.modes[f"held{plan.held_streams}"] = with_costs(sample)
    measured.memory_mb["rss_held"] = weight.rss_mb
    measured.memory_mb["pss_held"] = weight.pss_mb
