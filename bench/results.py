"""What a run leaves behind, in `.perf/result.json`. Next: `figures.py`."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec

from bench.loading import Sample


class Measured(msgspec.Struct):
    """One target: a sample per mode, megabytes of memory by moment, seconds of cold starts."""

    modes: dict[str, Sample] = {}
    memory_mb: dict[str, float] = {}
    cold_start_s: float | None = None
    cold_start_cpu_s: float | None = None
    failure: str = ""
    """Why it could not be measured to the end."""


class Result(msgspec.Struct):
    machine: dict[str, str | float] = {}
    targets: dict[str, Measured] = {}
    skipped: dict[str, str] = {}
    """Target to the reason why it was not measured."""

    def sample(self, target: str, mode: str) -> Sample:
        """Empty when it was not measured."""
        return self.targets[target].modes.get(mode, {}) if target in self.targets else {}

    def figure(self, target: str, mode: str, name: str) -> float | None:
        """`None` when it was not measured or the load generator had nothing to count (it then prints -1)."""
        value = self.sample(target, mode).get(name)
        return None if value is None or value < 0 else value

    def memory(self, target: str, name: str) -> float | None:
        return self.targets[target].memory_mb.get(name) if target in self.targets else None

    def errors(self) -> list[str]:
        """A sentence for every target that failed and every mode in which a call failed."""
        found = [f"{name}: {measured.failure}" for name, measured in self.targets.items() if measured.failure]
        for name, measured in self.targets.items():
            for mode, sample in measured.modes.items():
                if sample["errors"]:
                    found.append(f"{name}: {sample['errors']:.0f} failed calls in {mode}")
        return found


def machine() -> dict[str, str | float]:
    """What the figures were taken on."""
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    return {
        "processor": processor or platform.machine(),
        "cores": float(os.cpu_count() or 0),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def load_of(result: Result) -> dict[str, float]:
    """Foreign load over all samples: `foreign_cores_median` and `foreign_cores_max`."""
    values = sorted(
        sample["foreign_cores"] for measured in result.targets.values() for sample in measured.modes.values()
    )
    if not values:
        return {}
    return {"foreign_cores_median": values[len(values) // 2], "foreign_cores_max": values[-1]}
