"""Conditions: what each says, and that a merge changes only what changed."""

from __future__ import annotations

from typing import Any

import pytest

from ccproxy_operator.status.conditions import Condition, accepted, credentials, figures_only, merged, resolved, same
from ccproxy_policy.problems import Problem

EARLY, LATE = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"
BAD = Problem("RoutingPolicy a/p", 0, "spec.rules[0]", "write a name")
MISSING = Problem("RoutingPolicy a/p", 0, "spec.default", "there is no ModelBackend `x`", "BackendNotFound")
NO_KEY = Problem("ModelBackend a/b", 0, "spec.credentials", "no such key", "SecretKeyMissing")


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ((), (("True", "Accepted"), ("True", "ResolvedRefs"))),
        ((BAD,), (("False", "Invalid"), ("Unknown", "NotAccepted"))),
        ((MISSING,), (("True", "Accepted"), ("False", "BackendNotFound"))),
        ((BAD, MISSING), (("False", "Invalid"), ("False", "BackendNotFound"))),
    ],
    ids=["good", "invalid", "broken reference", "both"],
)
def test_problems_make_their_own_condition_false(problems: tuple[Problem, ...], expected: object) -> None:
    both = accepted(problems), resolved(problems)
    assert tuple((one.status, one.reason) for one in both) == expected


def test_a_message_is_path_and_sentence_without_a_file() -> None:
    assert accepted((BAD,)).message == "spec.rules[0]: write a name"


def test_many_problems_are_cut_and_counted() -> None:
    many = tuple(Problem("f", 0, f"spec.rules[{number}]", "bad") for number in range(14))
    message = accepted(many).message
    assert message.count("spec.rules") == 10
    assert message.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("spec", "problems", "expected"),
    [
        ({"credentials": {"secretRef": {"name": "s", "key": "k"}}}, (), ("True", "SecretFound")),
        ({"credentials": {"secretRef": {"name": "s", "key": "k"}}}, (NO_KEY,), ("False", "SecretKeyMissing")),
        ({"credentials": {"passThrough": True}}, (), ("True", "PassThrough")),
        ({}, (), ("True", "NotNeeded")),
        ({}, (BAD,), ("Unknown", "NotAccepted")),
    ],
    ids=["found", "key missing", "pass through", "none", "invalid"],
)
def test_credentials_say_what_is_known_of_the_key(
    spec: dict[str, Any], problems: tuple[Problem, ...], expected: tuple[str, str]
) -> None:
    condition = credentials(spec, problems)
    assert (condition.status, condition.reason) == expected


def _merged(status: Any, message: str, before: list[dict[str, Any]], *, generation: int = 1) -> list[dict[str, Any]]:
    return merged((Condition("Accepted", status, "R", message),), before, generation=generation, now=LATE)


def test_the_transition_time_moves_with_the_status_only() -> None:
    before = merged((Condition("Accepted", "True", "R", "m"),), (), generation=1, now=EARLY)
    assert _merged("True", "m", before) == before
    assert _merged("True", "other", before, generation=2)[0]["lastTransitionTime"] == EARLY
    assert _merged("False", "m", before)[0]["lastTransitionTime"] == LATE


def test_the_order_of_conditions_does_not_matter() -> None:
    one, two = {"type": "A", "status": "True"}, {"type": "B", "status": "True"}
    assert same({"conditions": [one, two]}, {"conditions": [two, one]})
    assert not same({"conditions": [one, two]}, {"conditions": [one]})


def test_figures_are_the_message_of_programmed_and_the_columns() -> None:
    def status(message: str, in_sync: int, reason: str = "Programmed") -> dict[str, Any]:
        programmed = {"type": "Programmed", "status": "True", "reason": reason, "message": message}
        return {"observedGeneration": 1, "conditions": [programmed], "sidecars": {"inSync": in_sync}}

    assert figures_only(status("1 of 2", 1), status("2 of 3", 2))
    assert not figures_only(status("1 of 2", 1), status("1 of 2", 1, reason="Pending"))
