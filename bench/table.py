"""The figures of a run as text tables. Delays are absolute; compare them with nginx, not with `direct`.

Without a gateway load and provider share a core and no wake-up crosses to another one, so `direct` is no floor.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import per_core
from bench.results import Measured, Result


def tables(result: Result) -> str:
    """Three tables: calls; streams; bodies, memory and starts. Then what was skipped."""
    blocks = [_calls(result), _streams(result), _processes(result)]
    if result.skipped:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in result.skipped.items())
        blocks.append(f"not measured:\n{reasons}")
    return "\n\n".join(blocks)


def _calls(result: Result) -> str:
    head = (
        "1 kB JSON",
        "1 conn p50/p99 us",
        "over nginx us",
        "16 conn calls/s",
        "CPU us",
        "per core",
        "64 conn p50/p99 us",
        "open 200/s p50/p99 us",
        "errors",
    )
    return rendered(head, [_call_row(result, name) for name in result.targets])


def _call_row(result: Result, name: str) -> list[str]:
    cost = result.figure(name, "json16", "cpu_us_call")
    return [
        name,
        _spread(result, name, "json1", "full"),
        _over_nginx(result, name),
        _shown(result.figure(name, "json16", "rps"), ",.0f"),
        _shown(cost, ".1f"),
        _shown(per_core(cost), ",.0f"),
        _spread(result, name, "json64", "full"),
        _spread(result, name, "open200", "full"),
        _errors(result.targets[name]),
    ]


def _over_nginx(result: Result, name: str) -> str:
    ours, nginx = (result.figure(who, "json1", "full_p50") for who in (name, "nginx"))
    return "–" if ours is None or nginx is None or name in ("nginx", "direct") else f"{ours - nginx:+.0f}"


def _streams(result: Result) -> str:
    head = (
        "streams",
        "burst chunks/s",
        "CPU us/chunk",
        "10 paced p50/p99 us",
        "100 paced p50/p99 us",
        "TTFB p50 us",
        "CPU us/chunk",
        "core used",
        "held p99 us",
    )
    return rendered(head, [_stream_row(result, name) for name in result.targets])


def _stream_row(result: Result, name: str) -> list[str]:
    held = next((mode for mode in result.targets[name].modes if mode.startswith("held")), "")
    return [
        name,
        _shown(result.figure(name, "sse16", "chunks_per_s"), ",.0f"),
        _shown(result.figure(name, "sse16", "cpu_us_chunk"), ".2f"),
        _spread(result, name, "paced10", "chunk"),
        _spread(result, name, "paced100", "chunk"),
        _shown(result.figure(name, "paced100", "ttfb_p50"), ".0f"),
        _shown(result.figure(name, "paced100", "cpu_us_chunk"), ".1f"),
        _shown(result.figure(name, "paced100", "cpu_cores"), ".2f"),
        _shown(result.figure(name, held, "chunk_p99"), ".0f"),
    ]


def _processes(result: Result) -> str:
    head = (
        "process",
        "100 kB CPU us",
        "800 kB CPU us",
        "RSS MB idle",
        "after",
        "paced",
        "held",
        "PSS MB idle",
        "cold start s",
        "CPU s",
    )
    return rendered(head, [_process_row(result, name) for name in result.targets])


def _process_row(result: Result, name: str) -> list[str]:
    measured = result.targets[name]
    return [
        name,
        _shown(result.figure(name, "big100k", "cpu_us_call"), ",.0f"),
        _shown(result.figure(name, "big800k", "cpu_us_call"), ",.0f"),
        *(_shown(measured.memory_mb.get(f"rss_{moment}"), ".1f") for moment in ("idle", "after", "paced", "held")),
        _shown(measured.memory_mb.get("pss_idle"), ".1f"),
        _shown(measured.cold_start_s, ".2f"),
        _shown(measured.cold_start_cpu_s, ".2f"),
    ]


def _errors(measured: Measured) -> str:
    """Failed calls of all modes together."""
    return "failed" if measured.failure else f"{sum(sample['errors'] for sample in measured.modes.values()):.0f}"


def _spread(result: Result, name: str, mode: str, what: str) -> str:
    middle, tail = (result.figure(name, mode, f"{what}_{share}") for share in ("p50", "p99"))
    return "–" if middle is None or tail is None else f"{middle:.0f} / {tail:.0f}"


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def rendered(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell: the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *others)).rstrip()
