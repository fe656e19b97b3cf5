"""What is printed: absolute delays beside nginx, errors of all modes, reasons for what is missing."""

from __future__ import annotations

from bench.loading import Sample
from bench.results import Measured, Result
from bench.table import rendered, tables


def json_sample(p50: float, *, errors: float = 0.0) -> Sample:
    return {"full_p50": p50, "full_p99": p50 * 2, "rps": 1.0, "cpu_us_call": 100.0, "errors": errors}


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.split()[0] == name)


def test_delay_stands_beside_its_distance_from_nginx() -> None:
    modes = {"nginx": 110.0, "gw": 250.0, "direct": 15.0}
    found = Result(targets={name: Measured(modes={"json1": json_sample(p50)}) for name, p50 in modes.items()})
    text = tables(found)
    assert "250 / 500" in row(text, "gw")
    assert "+140" in row(text, "gw")
    assert "+" not in row(text, "nginx")
    assert "-" not in row(text, "direct").replace("–", "")


def test_errors_of_all_modes_are_summed_in_the_last_column() -> None:
    modes = {"json16": json_sample(1, errors=1), "sse16": json_sample(1, errors=2)}
    assert row(tables(Result(targets={"gw": Measured(modes=modes)})), "gw").split()[-1] == "3"


def test_target_that_failed_says_so() -> None:
    text = tables(Result(targets={"gw": Measured(failure="ended")}))
    assert row(text, "gw").split()[-1] == "failed"


def test_skipped_target_is_named_with_its_reason() -> None:
    assert "ccr: cli.js not installed" in tables(Result(skipped={"ccr": "cli.js not installed (make bench-peers)"}))


def test_figure_without_samples_is_a_dash() -> None:
    sample = json_sample(-1.0)
    assert "-1" not in tables(Result(targets={"gw": Measured(modes={"json1": sample, "paced100": sample})}))


def test_columns_are_aligned() -> None:
    lines = rendered(("name", "n"), [("a", "1"), ("long", "22222")]).splitlines()
    assert lines == ["name      n", "a         1", "long  22222"]
