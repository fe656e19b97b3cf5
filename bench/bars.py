"""The bars that ccproxy must clear, each from one run: a figure, its bound, and whether it holds. Pure.

Rates are per fully used core (from CPU time), so that a load generator at its own limit or a busy neighbour does not
decide. Next: `table.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from bench.figures import per_core
from bench.results import Result

Verdict = Literal["ok", "MISSED", "not measured"]


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """`figure` is `None` when the run lacks one of its sides."""

    name: str
    figure: float | None
    bound: float
    at_least: bool
    unit: str
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.figure is None:
            return "not measured"
        holds = self.figure >= self.bound if self.at_least else self.figure <= self.bound
        return "ok" if holds else "MISSED"

    def sentence(self) -> str:
        sign = "≥" if self.at_least else "≤"
        figure = "–" if self.figure is None else f"{self.figure:.3g}"
        detail = f"  ({self.detail})" if self.detail else ""
        return f"{self.verdict:>12}  {self.name}: {figure}{self.unit}, bar {sign} {self.bound:g}{self.unit}{detail}"


def bars(result: Result) -> list[Bar]:
    return [*_call_bars(result), *_stream_bars(result), *_process_bars(result)]


def _call_bars(result: Result) -> Iterator[Bar]:
    rates = (
        ("nginx", "ccproxy", "nginx", 0.09),
        ("gw", "ccproxy", "gw", 0.70),
        ("gw, Messages", "ccproxy-anthropic", "gw-anthropic", 0.70),
        ("LiteLLM", "ccproxy", "litellm", 40),
        ("Portkey", "ccproxy", "portkey", 3.5),
        ("claude-code-router", "ccproxy-anthropic", "ccr", 4),
    )
    for name, ours, theirs, bound in rates:
        yield _rate_bar(result, f"1 kB calls at 16 connections against {name}", (ours, theirs), "json16", bound)
    yield _added_bar(result)
    for name, ours, theirs in (("Messages", "ccproxy-anthropic", "gw-anthropic"), ("Chat", "ccproxy", "gw")):
        costs = _pair(result, (ours, theirs), "big800k", "cpu_us_call")
        yield Bar(
            name=f"CPU of an 800 kB body ({name}) against gw",
            figure=_ratio(*costs),
            bound=1.65,
            at_least=False,
            unit="x",
            detail=_detail(costs, " us"),
        )


def _stream_bars(result: Result) -> Iterator[Bar]:
    yield _rate_bar(result, "SSE chunks against gw", ("ccproxy", "gw"), "sse16", 0.75)
    yield _rate_bar(result, "SSE chunks against gw, Messages", ("ccproxy-anthropic", "gw-anthropic"), "sse16", 0.75)
    yield _rate_bar(result, "SSE chunks against Portkey", ("ccproxy", "portkey"), "sse16", 5)
    delays = _pair(result, ("ccproxy", "gw"), "paced100", "chunk_p99")
    yield Bar(
        name="p99 delay of a chunk, 100 paced streams, against gw",
        figure=_ratio(*delays),
        bound=1.8,
        at_least=False,
        unit="x",
        detail=_detail(delays, " us"),
    )


def _process_bars(result: Result) -> Iterator[Bar]:
    cold_start_s = result.targets["ccproxy"].cold_start_s if "ccproxy" in result.targets else None
    limits = (
        ("idle RSS", result.memory("ccproxy", "rss_idle"), 50, " MB"),
        ("RSS with 1,000 open streams", result.memory("ccproxy", "rss_held"), 110, " MB"),
        ("cold start to the first answer", cold_start_s, 0.6, " s"),
    )
    for name, figure, bound, unit in limits:
        yield Bar(name=name, figure=figure, bound=bound, at_least=False, unit=unit)


def _rate_bar(result: Result, name: str, pair: tuple[str, str], mode: str, bound: float) -> Bar:
    cost = "cpu_us_chunk" if mode.startswith("sse") else "cpu_us_call"
    ours, theirs = (per_core(value) for value in _pair(result, pair, mode, cost))
    unit = " chunks/s" if mode.startswith("sse") else " calls/s"
    detail = _detail((ours, theirs), unit)
    return Bar(name=name, figure=_ratio(ours, theirs), bound=bound, at_least=True, unit="x", detail=detail)


def _added_bar(result: Result) -> Bar:
    """What ccproxy adds over nginx at one connection, as a multiple of what `gw` adds."""
    nginx, gw, ours = (result.figure(name, "json1", "full_p50") for name in ("nginx", "gw", "ccproxy"))
    figure, detail = None, ""
    if nginx is not None and gw is not None and ours is not None and gw > nginx:
        figure, detail = (ours - nginx) / (gw - nginx), f"{ours - nginx:.0f} us, gw {gw - nginx:.0f} us"
    return Bar(
        name="added p50 over nginx at 1 connection against gw's",
        figure=figure,
        bound=1.4,
        at_least=False,
        unit="x",
        detail=detail,
    )


def _pair(result: Result, names: tuple[str, str], mode: str, figure: str) -> tuple[float | None, float | None]:
    """Both sides; a side with failed calls counts as not measured, since errors are fast."""
    ours, theirs = (_sound(result, name, mode, figure) for name in names)
    return ours, theirs


def _sound(result: Result, name: str, mode: str, figure: str) -> float | None:
    return None if result.sample(name, mode).get("errors") else result.figure(name, mode, figure)


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _detail(pair: tuple[float | None, float | None], unit: str) -> str:
    ours, theirs = pair
    return f"{ours:,.0f}{unit}, theirs {theirs:,.0f}{unit}" if ours is not None and theirs is not None else ""
