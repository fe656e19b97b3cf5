"""RoutingPolicy: which calls go where. Holds the fields that work; `planned` names those of later issues.

Must not check what needs another object or RE2 (`policies.py` does). Next: `model_backend.py`.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ccproxy_policy.kinds.metadata import Labels, Metadata
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

    match_labels: Labels = {}
    """Labels a pod must carry."""


class PromptTokens(Strict):
    """Inclusive bounds on the size of the prompt in tokens."""

    min: Tokens | None = None
    """At least so many tokens."""
    max: Tokens | None = None
    """At most so many tokens."""


class CachedTokens(Strict):
    """How much of the session the provider reported as cached by the last answer, in tokens."""

    min: Tokens
    """At least so many tokens."""


class Session(Strict):
    """What the conversation looks like so far."""

    min_turns: Annotated[int, Field(ge=1, le=100_000)]
    """At least so many user turns."""


class Match(Strict):
    """All given fields must hold; a list holds when any of its members does."""

    planned: ClassVar[frozenset[str]] = frozenset({"budgetUsed"})

    models: Patterns = []
    """Patterns over the model that the client asks for. A pattern is a glob, or `re:` and an RE2 expression."""
    prompt_tokens: PromptTokens | None = None
    """Bounds on the size of the prompt."""
    cached_tokens: CachedTokens | None = None
    """How much of the session the provider had cached."""
    thinking: bool | None = None
    """Whether the client asks for reasoning."""
    tools: Patterns = []
    """Patterns over the names of the tools that the call offers."""
    agents: Patterns = []
    """Patterns over the (sub)agent inside the client; `main` is the client itself."""
    task: Annotated[list[Literal["Utility", "Main", "Subagent", "Compaction"]], Field(max_length=4)] = []
    """What the call is for."""
    stream: bool | None = None
    """Whether the client asks for a stream."""
    headers: Annotated[dict[HeaderName, Pattern], Field(max_length=16)] = {}
    """Header names and the patterns their values must match."""
    paths: Patterns = []
    """Patterns over the path that the client calls."""
    metadata: Annotated[dict[MapKey, Pattern], Field(max_length=16)] = {}
    """Keys of the client's metadata and the patterns their values must match."""
    session: Session | None = None
    """How far the conversation has come."""
    contains: Patterns = []
    """Patterns searched anywhere in the call's text."""
    clients: Patterns = []
    """Patterns over the User-Agent."""
    class_: Annotated[ClassPath | None, Field(alias="class")] = None
    """`module:Class`: a user's own rule (laptop only)."""
    params: Annotated[dict[MapKey, Param], Field(max_length=32)] = {}
    """What the own rule is called with."""


class Target(Strict):
    """One place a call can go to; without `model` the client's own model name is kept."""

    backend: BackendRef
    """Name of a ModelBackend; on a cluster also `namespace/name` of one that is shared."""
    model: ModelName | None = None
    """The model to ask for instead of the client's."""
    weight: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Share of the calls under `strategy: Weighted`; 1 where it is left out."""


class Route(Strict):
    """Where a call goes, and in which order targets are tried."""

    planned: ClassVar[frozenset[str]] = frozenset({"switch", "sticky", "hedgeAfter", "mirror"})

    strategy: Literal["Priority", "RoundRobin", "Weighted"] = "Priority"
    """Priority: in order. RoundRobin: each first in turn. Weighted: first by weight. The others follow on failure."""
    targets: Annotated[list[Target], Field(min_length=1, max_length=16)]
    """Where calls can go."""


class Deny(Strict):
    """Refuse the call in the client's own error shape."""

    status: Annotated[int, Field(ge=400, le=499)] = 403
    """HTTP status of the refusal."""
    message: Annotated[str, Field(min_length=1, max_length=500)]
    """What the client is told."""


class Treatment(Strict):
    """What to do with a call: exactly one of `route` and `deny`."""

    planned: ClassVar[frozenset[str]] = frozenset({"cache", "compress", "summarize", "guard", "output"})

    route: Route | None = None
    """Send the call to one of these targets."""
    deny: Deny | None = None
    """Refuse the call."""


class Rule(Strict):
    """A match with a name. The name is the label in metrics, headers and `explain`."""

    name: RuleName
    """Unique in its policy."""
    match: Match = Match()
    """Which calls; empty: all."""
    then: Treatment = Treatment()
    """What to do; empty: the policy's default."""


class RoutingPolicySpec(Strict):
    """First matching rule wins; policies are tried from the highest priority down."""

    planned: ClassVar[frozenset[str]] = frozenset({"limits", "resilience"})

    workload_selector: WorkloadSelector = WorkloadSelector()
    """Which workloads; empty: all."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Policies with a higher one are tried first."""
    mode: Literal["Enforce", "Shadow", "Off"] = "Enforce"
    """Shadow decides and reports and changes nothing; Off is as if the policy were not there."""
    fail_mode: Literal["Closed", "Open"] = "Closed"
    """What becomes of a deny rule that asks for more than an old sidecar knows. Closed: it denies without asking for
    that, so more; Open: it is left out. Other rules that such a sidecar does not know are left out."""
    default: Treatment | None = None
    """What its rules do where they do not say, and what happens to calls that no rule of any policy matches."""
    rules: Annotated[list[Rule], Field(max_length=200)] = []
    """The first rule that matches decides."""


class RoutingPolicy(Strict):
    """Which calls go where: rules over what a call looks like, and the targets that serve it."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["RoutingPolicy"]
    metadata: Metadata
    spec: RoutingPolicySpec
