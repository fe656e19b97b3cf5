"""RoutingPolicy: which calls go where. Holds the fields that work; `planned` names those of later issues.

Must not check what needs another object or RE2 (`policies.py` does). Next: `model_backend.py`.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ccproxy_policy.kinds.metadata import Label, LabelKey, Metadata
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import (
    BackendRef,
    ClassPath,
    HeaderName,
    MapKey,
    ModelName,
    Pattern,
    Patterns,
    RuleName,
    Tokens,
)


def _checked_param(value: object) -> object:
    """A scalar that every process reads back as it was written."""
    whole = isinstance(value, int) and abs(value) < 2**63
    if whole or (isinstance(value, str) and len(value) <= 4096) or (isinstance(value, float) and isfinite(value)):
        return value
    raise PydanticCustomError("param", "write a string of at most 4096 characters, a number, true or false")


Param = Annotated[str | int | float | bool, BeforeValidator(_checked_param)]


class WorkloadSelector(Strict):
    """Which pods of the namespace a policy is for; empty means all. A laptop has no pods."""

    match_labels: Annotated[dict[LabelKey, Label], Field(max_length=32)] = {}


class PromptTokens(Strict):
    """Inclusive bounds on the size of the prompt in tokens."""

    min: Tokens | None = None
    max: Tokens | None = None


class CachedTokens(Strict):
    """How much of the session the provider reported as cached by the last answer, in tokens."""

    min: Tokens


class Session(Strict):
    """What the conversation looks like so far."""

    min_turns: Annotated[int, Field(ge=1, le=100_000)]


class Match(Strict):
    """All given fields must hold; a list holds when any of its members does."""

    planned: ClassVar[frozenset[str]] = frozenset({"budgetUsed"})

    models: Patterns = []
    prompt_tokens: PromptTokens | None = None
    cached_tokens: CachedTokens | None = None
    thinking: bool | None = None
    tools: Patterns = []
    agents: Patterns = []
    task: Annotated[list[Literal["Utility", "Main", "Subagent", "Compaction"]], Field(max_length=4)] = []
    stream: bool | None = None
    headers: Annotated[dict[HeaderName, Pattern], Field(max_length=16)] = {}
    paths: Patterns = []
    metadata: Annotated[dict[MapKey, Pattern], Field(max_length=16)] = {}
    session: Session | None = None
    contains: Patterns = []
    clients: Patterns = []
    class_: Annotated[ClassPath | None, Field(alias="class")] = None
    params: Annotated[dict[MapKey, Param], Field(max_length=32)] = {}


class Target(Strict):
    """One place a call can go to; without `model` the client's own model name is kept."""

    backend: BackendRef
    model: ModelName | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] | None = None


class Route(Strict):
    """Where a call goes, and in which order targets are tried."""

    planned: ClassVar[frozenset[str]] = frozenset({"switch", "sticky", "hedgeAfter", "mirror"})

    strategy: Literal["Priority", "RoundRobin", "Weighted"] = "Priority"
    targets: Annotated[list[Target], Field(min_length=1, max_length=16)]


class Deny(Strict):
    """Refuse the call in the client's own error shape."""

    status: Annotated[int, Field(ge=400, le=499)] = 403
    message: Annotated[str, Field(min_length=1, max_length=500)]


class Treatment(Strict):
    """What to do with a call: exactly one of `route` and `deny`."""

    planned: ClassVar[frozenset[str]] = frozenset({"cache", "compress", "summarize", "guard", "output"})

    route: Route | None = None
    deny: Deny | None = None


class Rule(Strict):
    """A match with a name. The name is the label in metrics, headers and `explain`."""

    name: RuleName
    match: Match = Match()
    then: Treatment = Treatment()


class RoutingPolicySpec(Strict):
    """First matching rule wins; policies are tried from the highest priority down."""

    planned: ClassVar[frozenset[str]] = frozenset({"limits", "resilience", "failMode"})

    workload_selector: WorkloadSelector = WorkloadSelector()
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    mode: Literal["Enforce", "Shadow", "Off"] = "Enforce"
    default: Treatment | None = None
    rules: Annotated[list[Rule], Field(max_length=200)] = []


class RoutingPolicy(Strict):
    """Which calls go where: rules over what a call looks like, and the targets that serve it."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["RoutingPolicy"]
    metadata: Metadata
    spec: RoutingPolicySpec
