"""Counters, gauges, histograms and their text, read back by a parser of our own; by promtool too where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.exposition import number_text, scaled_text
from ccproxy_runtime.metrics import DROPPED, LLM_SECONDS, MAX_SERIES, Registry

SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<pairs>(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (?P<number>\S+)')
PAIR = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')


def parsed(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    samples = {}
    for line in text.decode().splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            pairs = tuple((name, unescaped(value)) for name, value in PAIR.findall(match["pairs"] or ""))
            samples[match["name"], pairs] = float(match["number"])
    return samples


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


def test_a_child_is_made_once_and_shown_with_its_labels() -> None:
    registry = Registry()
    calls = registry.counter("calls_total", "Calls.", ("rule", "backend"))
    assert calls.child("a", "b") is calls.child("a", "b")
    calls.child("a", "b").inc()
    calls.child("a", "b").inc(2)
    gauge = registry.gauge("open", "Open.").child()
    gauge.set(5)
    gauge.inc(-2)
    registry.gauge_fn("level", "Level.", lambda: 0.5)
    registry.counter_fn("seen_total", "Seen.", lambda: 7)
    assert parsed(registry.render()) == {
        (DROPPED, ()): 0,
        ("calls_total", (("rule", "a"), ("backend", "b"))): 3,
        ("open", ()): 3,
        ("level", ()): 0.5,
        ("seen_total", ()): 7,
    }


@given(value=st.text(), help=st.text(max_size=20))
def test_any_label_value_and_help_survives_the_text(value: str, help: str) -> None:
    value = "".join(char for char in value if char not in "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ud800")
    value = value.encode("utf-8", "ignore").decode()
    registry = Registry()
    registry.counter("x_total", help.encode("utf-8", "ignore").decode().replace("\r", ""), ("a",)).child(value).inc()
    line = [line for line in registry.render().decode().split("\n") if line.startswith("x_total")]
    assert len(line) == 1
    match = SAMPLE.fullmatch(line[0])
    assert match
    assert unescaped(PAIR.findall(match["pairs"])[0][1]) == value


def test_a_histogram_is_cumulative_and_counts_every_value() -> None:
    registry = Registry()
    histogram = registry.histogram("wait_seconds", "Wait.", ("b",)).child("x")
    for value in (0.0, 0.001, 0.0011, 0.3, 300.0, 301.0):
        histogram.observe(value)
    samples = parsed(registry.render())
    buckets = [number for (name, _), number in samples.items() if name == "wait_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert len(buckets) == len(LLM_SECONDS) + 1
    assert samples["wait_seconds_bucket", (("b", "x"), ("le", "0.001"))] == 2
    assert samples["wait_seconds_bucket", (("b", "x"), ("le", "300.0"))] == 5
    assert samples["wait_seconds_bucket", (("b", "x"), ("le", "+Inf"))] == 6
    assert samples["wait_seconds_count", (("b", "x"),)] == 6
    assert samples["wait_seconds_sum", (("b", "x"),)] == pytest.approx(601.3021)


@given(values=st.lists(st.integers(-(10**24), 10**24)), scale=st.sampled_from([1, 10, 10**6, 10**12]))
def test_scaled_integers_are_shown_exactly(values: list[int], scale: int) -> None:
    for value in values:
        text = scaled_text(value, scale)
        whole, _, part = text.partition(".")
        places = len(str(scale)) - 1
        assert int(whole + part.ljust(places, "0")) == value
        assert "e" not in text


def test_money_is_shown_in_dollars_without_rounding() -> None:
    registry = Registry()
    cost = registry.counter("cost_usd_total", "Cost.", scale=10**12).child()
    for _ in range(10):
        cost.inc(100_000_000_001)
    assert b"\ncost_usd_total 1.00000000001\n" in registry.render()


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    numbers = [number_text(value) for value in (1, 0.1, float("inf"), float("-inf"), float("nan"), 1e300)]
    assert numbers == ["1", "0.1", "+Inf", "-Inf", "NaN", "1e+300"]


def test_the_process_never_shows_more_series_than_allowed() -> None:
    registry = Registry()
    calls = registry.counter("calls_total", "Calls.", ("rule", "outcome"))
    waits = registry.histogram("wait_seconds", "Wait.", ("backend",))
    for number in range(400):
        calls.child(f"r{number}", "ok").inc()
        waits.child(f"b{number}").observe(1.0)
    samples = parsed(registry.render())
    assert len(samples) <= MAX_SERIES
    assert samples["calls_total", (("rule", "other"), ("outcome", "other"))] > 100
    assert sum(number for (name, _), number in samples.items() if name == "calls_total") == 400
    assert sum(number for (name, _), number in samples.items() if name == "wait_seconds_count") == 400
    named = ("calls_total", "wait_seconds_count")
    kept = sum(1 for name, pairs in samples if name in named and pairs[0][1] != "other")
    assert samples[DROPPED, ()] == 800 - kept


def test_mistakes_of_the_program_are_told() -> None:
    registry = Registry()
    family = registry.counter("a_total", "A.", ("x",))
    with pytest.raises(ValueError, match="labels"):
        family.child()
    with pytest.raises(ValueError, match="two metrics"):
        registry.gauge("a_total", "A.")
    with pytest.raises(ValueError, match="power of ten"):
        registry.counter("b_total", "B.", scale=1000 + 1)


def test_promtool_has_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH: the text was checked by our own parser only")
    registry = Registry()
    registry.counter("ccproxy_calls_total", "Calls.", ("rule",)).child('a"\\\n').inc()
    registry.histogram("ccproxy_wait_seconds", "Wait.").child().observe(0.2)
    done = subprocess.run([promtool, "check", "metrics"], input=registry.render(), capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
