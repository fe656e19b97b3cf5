"""`make demo` plays a whole session through ccproxy and its books agree with the provider's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccproxy_contract.usage import Usage
from tests.fakes.provider.records import Outcome, Seen
from tools.demo import real
from tools.demo.audit import audit
from tools.demo.figures import quantile_ms
from tools.demo.processes import CCPROXY
from tools.demo.receipt import as_text
from tools.demo.settings import environment

ROOT = Path(__file__).resolve().parents[2]
RULES = {
    "background-on-haiku",
    "subagents-on-haiku",
    "compaction-on-sonnet",
    "thinking-with-a-spare",
    "long-documents-on-mini",
    "lookups-on-mini",
}


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """The receipt of one run of the demo."""
    command = [sys.executable, "-m", "tools.demo", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-3_000:]
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_the_demo_makes_at_least_forty_calls_and_every_rule_takes_some(shown: dict[str, Any]) -> None:
    assert shown["calls_made"] >= 40
    assert {group["rule"] for group in shown["by_rule"]} >= RULES
    assert shown["refused_by_ccproxy"] == 1


def test_the_books_of_ccproxy_and_of_the_provider_agree(shown: dict[str, Any]) -> None:
    assert shown["audit"]["differences"] == []
    assert shown["audit"]["attempts"] == shown["total"]["attempts"] > shown["total"]["calls"]


def test_every_call_has_a_price_and_routing_saved_money(shown: dict[str, Any]) -> None:
    assert shown["total"]["unpriced_calls"] == 0
    assert shown["savings_percent"] > 5


def test_the_receipt_is_readable_as_text(shown: dict[str, Any]) -> None:
    text = as_text(shown)

    assert "subagents-on-haiku" in text
    assert f"p50 {shown['added_latency_ms']['p50']} ms" in text


def _seen(outcome: Outcome = "finished", **charged: int) -> Seen:
    return Seen(
        number=1, at_s=0.0, method="POST", path="/v1/messages", query="", headers=(), body=b"", outcome=outcome,
        charged=Usage(**charged),
    )  # fmt: skip


def _told(attempts: int, **tokens: int) -> dict[str, Any]:
    buckets = ("uncached", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h")
    return {"total": {"attempts": attempts, "tokens": dict.fromkeys((*buckets, "output"), 0) | tokens}}


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (_told(1, uncached=9, output=5), "uncached"),
        (_told(1, uncached=10, output=6), "output"),
        (_told(2, uncached=10, output=5), "attempts"),
        (_told(1, uncached=10, output=5, cache_read=1), "cache_read"),
    ],
)
def test_one_token_too_few_or_too_many_is_a_difference(told: dict[str, Any], word: str) -> None:
    assert [word in line for line in audit([_seen(uncached=10, output=5)], told).differences] == [True]


def test_the_output_of_a_client_that_left_may_be_estimated_its_input_may_not() -> None:
    seen = [_seen("client gone", uncached=10, output=20)]

    assert audit(seen, _told(1, uncached=10, output=25)).differences == ()
    assert audit(seen, _told(1, uncached=11, output=25)).differences != ()
    assert audit(seen, _told(1, uncached=10, output=200)).differences != ()


def test_a_quantile_lies_inside_its_bucket() -> None:
    samples = {'h_bucket{le="0.001"}': 5.0, 'h_bucket{le="0.002"}': 10.0, 'h_bucket{le="+Inf"}': 10.0}

    assert quantile_ms(samples, "h", 0.5) == 1.0
    assert quantile_ms(samples, "h", 0.75) == 1.5
    assert quantile_ms({}, "h", 0.5) is None


def test_the_policies_of_the_real_run_are_accepted(tmp_path: Path) -> None:
    told = real.POLICY.format(provider="Anthropic", name="ANTHROPIC_API_KEY", small="claude-haiku-5-5")
    (tmp_path / "real.yaml").write_text(told)
    surroundings = environment(ANTHROPIC_API_KEY="sk-none", CCPROXY_HOME=str(tmp_path / "home"))

    checked = subprocess.run(
        [str(CCPROXY), "check", str(tmp_path)], env=surroundings, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_real_run_without_a_key_says_what_it_needs() -> None:
    command = [sys.executable, "-m", "tools.demo", "--real"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 1
    assert "needs ANTHROPIC_API_KEY or OPENAI_API_KEY" in ran.stderr
