"""Conditions of the three kinds, from what was compiled and what sidecars run. Pure.

A condition's lastTransitionTime changes with its status only; a merge that changes nothing gives the very list that is
there. Must never hold a secret or a prompt; messages of problems are the policy's own. Next: `programmed.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ccproxy_policy.problems import Problem

Truth = Literal["True", "False", "Unknown"]
MAX_MESSAGE_CHARS: Final = 4000
MAX_PROBLEMS: Final = 10
_SECRETS: Final = frozenset(
    {"SecretNotFound", "SecretKeyMissing", "SecretNotLabelled", "SecretValueInvalid", "HostNotAllowed"}
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement about an object."""

    type: str
    status: Truth
    reason: str
    message: str


def accepted(problems: Iterable[Problem]) -> Condition:
    """Is what was written valid by itself?"""
    found = _of(problems, "Accepted")
    if not found:
        return Condition("Accepted", "True", "Accepted", "The object is valid.")
    return Condition("Accepted", "False", found[0].reason, _listed(found))


def resolved(problems: Iterable[Problem]) -> Condition:
    """Is all that it names there, and may it be used?"""
    found = _of(problems, "ResolvedRefs")
    if found:
        return Condition("ResolvedRefs", "False", found[0].reason, _listed(found))
    if _of(problems, "Accepted"):
        return Condition("ResolvedRefs", "Unknown", "NotAccepted", "References are looked at once the object is valid.")
    return Condition("ResolvedRefs", "True", "ResolvedRefs", "Everything that it names is there.")


def credentials(spec: Mapping[str, Any], problems: Iterable[Problem]) -> Condition:
    """Is the key there, free for use and allowed to be sent? Whether the provider takes it is not asked."""
    found = [problem for problem in _of(problems, "ResolvedRefs") if problem.reason in _SECRETS]
    written = spec.get("credentials")
    given: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    if found:
        return Condition("CredentialsValid", "False", found[0].reason, _listed(found))
    if _of(problems, "Accepted"):
        return Condition("CredentialsValid", "Unknown", "NotAccepted", "The key is looked up once the object is valid.")
    if given.get("passThrough"):
        return Condition("CredentialsValid", "True", "PassThrough", "The client's own key or login goes on.")
    if given.get("secretRef"):
        message = "The Secret has the key and lets it be sent there; the provider was not asked."
        return Condition("CredentialsValid", "True", "SecretFound", message)
    return Condition("CredentialsValid", "True", "NotNeeded", "Calls carry no key.")


def merged(
    wanted: Sequence[Condition], present: Sequence[Mapping[str, Any]], *, generation: int, now: str
) -> list[dict[str, Any]]:
    """`wanted` as the API has them; one whose status is as in `present` keeps its lastTransitionTime."""
    before = {str(one.get("type")): one for one in present}
    return [_merged(one, before.get(one.type, {}), generation=generation, now=now) for one in wanted]


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Do both statuses say the same, whatever the order of their conditions?"""
    return _comparable(left) == _comparable(right)


def figures_only(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Do both statuses differ in nothing but how many sidecars are in sync?"""
    return _comparable(left, figures=False) == _comparable(right, figures=False)


def _merged(wanted: Condition, before: Mapping[str, Any], *, generation: int, now: str) -> dict[str, Any]:
    kept = before.get("lastTransitionTime") if before.get("status") == wanted.status else None
    return {
        "type": wanted.type,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message[:MAX_MESSAGE_CHARS],
        "observedGeneration": generation,
        "lastTransitionTime": kept or now,
    }


def _comparable(status: Mapping[str, Any], *, figures: bool = True) -> dict[str, Any]:
    conditions = {str(one.get("type")): one for one in status.get("conditions") or ()}
    if figures:
        return {**status, "conditions": conditions}
    if "Programmed" in conditions:
        conditions["Programmed"] = {**conditions["Programmed"], "message": ""}
    return {**status, "conditions": conditions, "sidecars": None}


def _of(problems: Iterable[Problem], condition: str) -> list[Problem]:
    return [problem for problem in problems if problem.condition == condition]


def _listed(problems: Sequence[Problem]) -> str:
    shown = [": ".join(part for part in (one.path, one.message) if part) for one in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    return "; ".join(shown + ([f"and {more} more"] if more > 0 else []))
