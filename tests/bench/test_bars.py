"""The bars: each side from the same run, errors never counted as speed."""

from __future__ import annotations

import pytest

from bench.bars import Bar, bars
from bench.loading import Sample
from bench.results import Measured, Result


def result(**targets: Measured) -> Result:
    return Result(targets={name.replace("_", "-"): measured for name, measured in targets.items()})


def call(cost_us: float, *, errors: float = 0.0, p50: float = 0.0) -> Sample:
    return {"cpu_us_call": cost_us, "cpu_us_chunk": cost_us, "errors": errors, "full_p50": p50, "chunk_p99": cost_us}


def bar(found: Result, name: str) -> Bar:
    return next(bar for bar in bars(found) if bar.name == name)


def test_rate_is_compared_per_core_with_gw() -> None:
    ours, gw = Measured(modes={"json16": call(150)}), Measured(modes={"json16": call(117)})
    found = bar(result(ccproxy=ours, gw=gw), "1 kB calls at 16 connections against gw")
    assert found.figure == pytest.approx(0.78)
    assert found.verdict == "ok"
    assert "6,667 calls/s, theirs 8,547 calls/s" in found.sentence()


def test_slower_than_the_bar_is_missed() -> None:
    ours, gw = Measured(modes={"json16": call(200)}), Measured(modes={"json16": call(117)})
    assert bar(result(ccproxy=ours, gw=gw), "1 kB calls at 16 connections against gw").verdict == "MISSED"


def test_side_with_failed_calls_is_not_compared() -> None:
    ours, gw = Measured(modes={"json16": call(1, errors=3)}), Measured(modes={"json16": call(117)})
    assert bar(result(ccproxy=ours, gw=gw), "1 kB calls at 16 connections against gw").verdict == "not measured"


def test_peer_that_is_not_installed_leaves_its_bar_open() -> None:
    found = bar(result(ccproxy=Measured(modes={"json16": call(150)})), "1 kB calls at 16 connections against LiteLLM")
    assert found.verdict == "not measured"


def test_claude_code_router_is_compared_in_the_format_it_speaks() -> None:
    ours = {"ccproxy": Measured(modes={"json16": call(1)}), "ccproxy_anthropic": Measured(modes={"json16": call(100)})}
    found = result(**ours, ccr=Measured(modes={"json16": call(700)}))
    assert bar(found, "1 kB calls at 16 connections against claude-code-router").figure == pytest.approx(7)


@pytest.mark.parametrize(("ours_us", "verdict"), [(140, "ok"), (141, "MISSED")])
def test_added_latency_is_a_multiple_of_what_gw_adds_over_nginx(ours_us: float, verdict: str) -> None:
    delays = {"nginx": 100.0, "gw": 200.0, "ccproxy": 100.0 + ours_us}
    found = result(**{name: Measured(modes={"json1": call(1, p50=p50)}) for name, p50 in delays.items()})
    assert bar(found, "added p50 over nginx at 1 connection against gw's").verdict == verdict


def test_added_latency_is_open_when_noise_puts_gw_below_nginx() -> None:
    delays = {"nginx": 200.0, "gw": 190.0, "ccproxy": 210.0}
    found = result(**{name: Measured(modes={"json1": call(1, p50=p50)}) for name, p50 in delays.items()})
    assert bar(found, "added p50 over nginx at 1 connection against gw's").verdict == "not measured"


@pytest.mark.parametrize(
    ("name", "measured", "verdict"),
    [
        ("idle RSS", Measured(memory_mb={"rss_idle": 49.9}), "ok"),
        ("idle RSS", Measured(memory_mb={"rss_idle": 50.1}), "MISSED"),
        ("RSS with 1,000 open streams", Measured(memory_mb={"rss_held": 111}), "MISSED"),
        ("cold start to the first answer", Measured(cold_start_s=0.6), "ok"),
        ("cold start to the first answer", Measured(), "not measured"),
    ],
)
def test_limits_of_the_process(name: str, measured: Measured, verdict: str) -> None:
    assert bar(result(ccproxy=measured), name).verdict == verdict


def test_empty_run_clears_no_bar() -> None:
    assert {found.verdict for found in bars(Result())} == {"not measured"}


def test_failed_calls_of_every_mode_are_named() -> None:
    found = result(
        gw=Measured(modes={"json16": call(1), "paced100": call(1, errors=2)}), ccr=Measured(failure="no port")
    )
    assert found.errors() == ["ccr: no port", "gw: 2 failed calls in paced100"]
