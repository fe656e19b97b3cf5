"""Which repetitions count and what they amount to."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import middle, per_core, quietest, repeated, with_costs
from bench.loading import Sample


def sample(rps: float = 100.0, *, foreign: float = 0.0, errors: float = 0.0, **more: float) -> Sample:
    return {"rps": rps, "chunks_per_s": 0.0, "foreign_cores": foreign, "errors": errors, "cpu_cores": 0.0, **more}


def measured(samples: Iterator[Sample], count: int) -> tuple[Sample, int]:
    taken: list[Sample] = []

    def measure() -> Sample:
        taken.append(next(samples))
        return taken[-1]

    return repeated(count, measure), len(taken)


def test_quiet_repetitions_are_not_repeated() -> None:
    result, tries = measured(iter([sample(10), sample(20), sample(30), sample(99)]), 3)
    assert tries == 3
    assert result["rps"] == 20


def test_disturbed_repetition_is_tried_once_more_and_left_out() -> None:
    result, tries = measured(iter([sample(10), sample(1, foreign=0.9), sample(20), sample(99)]), 2)
    assert tries == 3
    assert result["rps"] == 15


def test_busy_machine_ends_after_one_extra_try() -> None:
    busy = iter([sample(rps, foreign=foreign) for rps, foreign in ((1, 0.9), (2, 0.5), (3, 0.7), (4, 0.2))])
    result, tries = measured(busy, 2)
    assert tries == 3
    assert result["rps"] == 2.5


def test_quietest_come_first() -> None:
    samples = [sample(1, foreign=0.3), sample(2, foreign=0.1), sample(3, foreign=0.2)]
    assert [kept["rps"] for kept in quietest(samples, 2)] == [2, 3]


def test_errors_are_summed_and_never_voted_away() -> None:
    assert middle([sample(), sample(errors=7), sample()])["errors"] == 7


def test_figure_that_one_repetition_lacks_is_left_out() -> None:
    assert "cpu_us_call" not in middle([sample(cpu_us_call=1.0), sample()])


def test_cost_is_cpu_time_over_calls_and_chunks() -> None:
    costs = with_costs(sample(5000.0, cpu_cores=0.5) | {"chunks_per_s": 25_000.0})
    assert costs["cpu_us_call"] == 100.0
    assert costs["cpu_us_chunk"] == 20.0


def test_cost_without_calls_or_gateway_is_unknown() -> None:
    assert "cpu_us_call" not in with_costs(sample(0.0, cpu_cores=0.5))
    assert "cpu_us_call" not in with_costs(sample(100.0))


def test_rate_per_core_of_an_unknown_cost_is_unknown() -> None:
    assert per_core(None) is None
    assert per_core(125.0) == 8000
