"""Arithmetic on samples: which repetitions count and what they amount to. Pure. Next: `bars.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.loading import Sample

QUIET_CORES = 0.1
"""A repetition with less foreign load than this is taken as undisturbed."""


def repeated(count: int, measure: Callable[[], Sample]) -> Sample:
    """The middle of `count` quiet repetitions; one extra is tried when any was disturbed."""
    samples: list[Sample] = []
    while len(samples) <= count and sum(is_quiet(sample) for sample in samples) < count:
        samples.append(with_costs(measure()))
    return middle(quietest(samples, count))


def is_quiet(sample: Sample) -> bool:
    return sample["foreign_cores"] < QUIET_CORES


def quietest(samples: Iterable[Sample], count: int) -> list[Sample]:
    return sorted(samples, key=lambda sample: sample["foreign_cores"])[:count]


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure that all samples have; `errors` are summed, so that none is voted away."""
    names = [name for name in samples[0] if all(name in sample for sample in samples)]
    result = {name: median(sample[name] for sample in samples) for name in names}
    result["errors"] = sum(sample["errors"] for sample in samples)
    return result


def with_costs(sample: Sample) -> Sample:
    """Adds CPU microseconds per call and per chunk, where there are any and a gateway burnt them."""
    cost_us = sample.get("cpu_cores", 0.0) * 1e6
    added: Sample = {}
    if cost_us and sample["rps"] > 0:
        added["cpu_us_call"] = round(cost_us / sample["rps"], 2)
    if cost_us and sample["chunks_per_s"] > 0:
        added["cpu_us_chunk"] = round(cost_us / sample["chunks_per_s"], 2)
    return {**sample, **added}


def per_core(cost_us: float | None) -> float | None:
    """How many a second one fully used core serves at this cost."""
    return 1e6 / cost_us if cost_us else None
