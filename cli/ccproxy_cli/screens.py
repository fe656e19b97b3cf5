"""What a user sees after a start and when policies are wrong: the sentences that several commands share.

Pure. Next: `commands/start.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ccproxy_cli.state import BackendState, CompileReport, State


def welcome(state: State) -> Iterator[str]:
    """The one screen of a fresh start: where it listens, what it does, how a program gets there."""
    yield f"ccproxy serves on {state.address}"
    yield f"  policies   {state.config} ({counts(state.running)})"
    yield ""
    yield "Run a coding agent through it:"
    yield "  ccproxy run claude"
    hints = list(pointers(state.address, state.running.backends))
    if hints:
        yield "or point any program at it:"
        yield from (f"  {hint}" for hint in hints)
    yield ""
    yield "`ccproxy status` shows what went where, for how much; `ccproxy stop` ends it."


def pointers(address: str, backends: tuple[BackendState, ...]) -> Iterator[str]:
    """The environment variables that are true with these backends, as shell lines."""
    spoken = {dialect for backend in backends for dialect in backend.dialects}
    if "anthropic-messages" in spoken:
        yield f"export ANTHROPIC_BASE_URL={address}"
    if spoken & {"openai-chat", "openai-responses", "openai-embeddings"}:
        yield f"export OPENAI_BASE_URL={address}/v1"
    if "gemini-generate" in spoken:
        yield f"export GOOGLE_GEMINI_BASE_URL={address}"


def counts(report: CompileReport) -> str:
    """`3 rules, 2 backends`."""
    return f"{_many(len(report.rules), 'rule')}, {_many(len(report.backends), 'backend')}"


def problem_lines(report: CompileReport) -> Iterator[str]:
    """Each problem as `file:line: path: sentence`, then how many there are."""
    yield from map(str, report.problems)
    yield f"{_many(len(report.problems), 'problem')}: nothing was changed."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def ago(duration_ms: int) -> str:
    """A duration in its largest unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(0, duration_ms // 1000)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
