"""How far a policy has come: n of m sidecars run it. Pure.

m are the injected pods that the policy selects, n those whose acknowledged hash is their slice's now. Must not gather
anything. Next: `judgement.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ccproxy_operator.status.conditions import Condition

MAX_NAMES: Final = 5
TYPE: Final = "Programmed"


class Sidecar(NamedTuple):
    """One injected pod and what it runs."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    state: str
    """`InSync`, or why not: `Stale`, `Rejected`, `Absent`."""
    reason: str = ""
    """Of a rejection."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Policy and rule of what its build cannot run."""


def figures(pods: Iterable[Sidecar]) -> dict[str, int]:
    """The columns of `kubectl get routingpolicies`."""
    states = [pod.state for pod in pods]
    return {"selected": len(states), "inSync": states.count("InSync"), "rejected": states.count("Rejected")}


def programmed(policy: str, pods: Iterable[Sidecar]) -> Condition:
    """The condition of a policy that is accepted and not Off."""
    known = sorted(pods, key=lambda pod: pod.name)
    behind = [pod for pod in known if pod.state != "InSync"]
    rejected = [pod for pod in behind if pod.state == "Rejected"]
    old = {pod.name: rules for pod in known if (rules := [rule for of, rule in pod.left_out if of == policy])}
    counted = f"{len(known) - len(behind)} of {len(known)} sidecars run it"
    if not known:
        return Condition(TYPE, "Unknown", "NoSidecars", "0 of 0: it selects no injected pod.")
    if rejected:
        refusals = [f"{pod.name} ({pod.reason or 'no reason given'})" for pod in rejected]
        return Condition(TYPE, "False", "Rejected", f"{counted}; rejected by {_some(refusals)}.")
    if behind:
        return Condition(TYPE, "False", "Pending", f"{counted}; behind: {_some([pod.name for pod in behind])}.")
    if old:
        return Condition(TYPE, "False", "SidecarTooOld", f"{counted}; {_too_old(old)}.")
    return Condition(TYPE, "True", TYPE, f"{counted}.")


def not_running(reason: str) -> Condition:
    """The condition of a policy that no sidecar shall run: `NotAccepted` or `Off`."""
    message = "Its mode is Off: no sidecar runs it." if reason == "Off" else "It is left out until it is valid."
    return Condition(TYPE, "False", reason, message)


def _too_old(rules_by_pod: Mapping[str, Sequence[str]]) -> str:
    rules = sorted({rule for rules in rules_by_pod.values() for rule in rules})
    return f"left out of sidecars that are too old: {_some(rules)} in {_some(sorted(rules_by_pod))}; restart them"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
