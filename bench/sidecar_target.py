"""ccproxy under test: the sidecar alone, with a snapshot of 20 rules of which the last one matches.

Metering, disk spool and metrics are on as on any laptop; no ledger runs, so events stay in the spool, which is
emptied before every start. Next: `peer_targets.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import places
from bench.target import Shape, Target
from ccproxy_contract.prices import Clause, ModelPrices, Period, PriceBook, TierRates, price_book
from ccproxy_contract.snapshot import (
    Backend,
    Credential,
    Match,
    Route,
    Rule,
    Snapshot,
    TokenRange,
    Treatment,
    sealed,
    snapshot_bytes,
)
from ccproxy_contract.snapshot import Target as RouteTarget

_SPOOL = places.PERF / "spool"
_SPOOL_CAP_BYTES = 16 * 2**30
"""Never reached: a full spool would make the sidecar's work cheaper."""


def targets() -> tuple[Target, ...]:
    return (sidecar("ccproxy", "chat"), sidecar("ccproxy-anthropic", "messages"))


def sidecar(name: str, shape: Shape, module: Sequence[str] = ("ccproxy_sidecar",)) -> Target:
    """`module`: what `python -m` runs, with its arguments."""

    def command(provider: int, port: int) -> list[str]:
        return ["env", *environment(provider, port), places.PYTHON, "-m", *module]

    def prepare(provider: int, port: int) -> None:  # noqa: ARG001 (every target is prepared alike)
        shutil.rmtree(_SPOOL, ignore_errors=True)
        _SPOOL.mkdir(parents=True)
        file = _snapshot_file(provider)
        file.write_bytes(snapshot_bytes(bench_snapshot(provider, shape)))
        file.chmod(0o600)

    return Target(name=name, shape=shape, command=command, prepare=prepare, needs=_needs())


def _needs() -> tuple[Path, ...]:
    return (places.ROOT / "sidecar/ccproxy_sidecar/__main__.py",)


def environment(provider: int, port: int) -> list[str]:
    """`NAME=value` settings of the sidecar process."""
    return [
        f"CCPROXY_SNAPSHOT={_snapshot_file(provider)}",
        f"CCPROXY_SPOOL={_SPOOL}",
        "CCPROXY_HOST=127.0.0.1",
        f"CCPROXY_PORT={port}",
        "CCPROXY_LEDGER_URL=",
        f"CCPROXY_SPOOL_CAP_BYTES={_SPOOL_CAP_BYTES}",
    ]


def _snapshot_file(provider: int) -> Path:
    return places.PERF / f"snapshot-{provider}.json"


def bench_snapshot(provider_port: int, shape: Shape) -> Snapshot:
    """One backend at the fake provider, 19 rules that no call of the rig matches and one that every call does."""
    rules = [_rule(name, match, _OTHER_MODEL[shape]) for name, match in _MISSES.items()]
    rules.append(_rule("everything-else", Match(models=("gpt-*", "claude-*")), _NAMED_MODEL[shape]))
    return sealed(Snapshot(rules=tuple(rules), backends=(_backend(provider_port, shape),), book=_book()))


_BACKEND = "provider"
_OTHER_MODEL: Mapping[Shape, str] = {"chat": "gpt-5-nano", "messages": "claude-haiku-5-5"}
_NAMED_MODEL: Mapping[Shape, str] = {"chat": "gpt-4o-2024-08-06", "messages": "claude-sonnet-4-5-20250929"}
"""What the last rule sends to: the model is renamed, as `gw` does."""


def _backend(port: int, shape: Shape) -> Backend:
    origin = f"http://127.0.0.1:{port}"
    chat = shape == "chat"
    return Backend(
        name=_BACKEND,
        provider="OpenAI" if chat else "Anthropic",
        url=f"{origin}/v1" if chat else origin,
        dialects=("openai-chat",) if chat else ("anthropic-messages",),
        credential=Credential(kind="Key", key="sk-upstream"),
        price_keys=("openai",) if chat else ("anthropic",),
    )


def _rule(name: str, match: Match, model: str) -> Rule:
    route = Route(targets=(RouteTarget(backend=_BACKEND, model=model),))
    return Rule(name=name, policy="bench", mode="Enforce", match=match, then=Treatment(route=route))


_MISSES: Mapping[str, Match] = {
    "background-calls": Match(task=("Utility",)),
    "explore-agents": Match(agents=("Explore", "Plan")),
    "rust-specialist": Match(agents=("rust-*",)),
    "compaction": Match(task=("Compaction",)),
    "subagents": Match(task=("Subagent",), models=("claude-*",)),
    "web-search": Match(tools=("web_search*", "WebSearch")),
    "browser": Match(tools=("mcp__browser__*", "computer_*")),
    "notebooks": Match(tools=("NotebookEdit",)),
    "long-context": Match(prompt_tokens=TokenRange(min=1_000_000)),
    "thinking": Match(thinking=True),
    "thinking-on-haiku": Match(thinking=True, models=("claude-haiku-*",)),
    "long-haiku": Match(models=("claude-haiku-*",), prompt_tokens=TokenRange(min=150_000)),
    "ci": Match(headers={"x-team": "ci-*"}),
    "beta-header": Match(headers={"anthropic-beta": "*context-1m*"}),
    "experiments": Match(headers={"x-experiment": "re:^(a|b)-[0-9]+$"}),
    "aider": Match(clients=("aider/*", "*Aider*")),
    "codex": Match(clients=("codex_*",)),
    "old-names": Match(models=("gpt-3.5*", "re:^text-(davinci|curie)-", "claude-2*")),
    "reasoners": Match(models=("o1*", "o3*", "o4*", "deepseek-r*")),
}
"""A list as people write it: every matcher that classifies a call, none of which holds for the rig's calls."""


def _book() -> PriceBook:
    """A small book in which the rig's models are priced, so that pricing is part of every call."""
    names = {"openai": ("gpt-4o", "gpt-5-nano", "gpt-5.5"), "anthropic": ("claude-haiku-5-5", "claude-sonnet-4-5")}
    return price_book({key: tuple(_prices(name) for name in models) for key, models in names.items()})


def _prices(name: str) -> ModelPrices:
    rates = TierRates(input=3_000_000, output=15_000_000, cache_read=300_000, cache_write_5m=3_750_000)
    return ModelPrices(id=name, match=Clause(kind="startsWith", text=name), periods=(Period(tiers=(rates,)),))
