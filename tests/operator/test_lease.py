"""The election's rules, without a clock or a cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ccproxy_operator.lease import DURATION_S, RENEW_DEADLINE_S, RETRY_S, Seen, claimed, may_take, released, seen

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _lease(holder: str, version: str = "1") -> dict[str, Any]:
    return claimed({"metadata": {"name": "l", "resourceVersion": version}}, holder, AT)


def test_nobody_takes_a_lease_that_its_holder_renews() -> None:
    known = Seen()
    for turn in range(20):
        now_s = turn * RETRY_S
        known = seen(known, _lease("first", str(turn)), now_s)
        assert not may_take(known, "second", now_s)


def test_a_lease_is_taken_once_its_holder_was_silent_for_its_duration() -> None:
    known = seen(Seen(), _lease("first"), 100.0)
    for later_s in (100.0, 105.0, 109.9):
        known = seen(known, _lease("first"), later_s)
        assert not may_take(known, "second", later_s)
    assert may_take(known, "second", 100.0 + DURATION_S)


def test_a_released_lease_is_free_at_once() -> None:
    known = seen(Seen(), released(_lease("first"), AT), 0.0)
    assert may_take(known, "second", 0.0)


def test_the_clock_of_the_holder_does_not_count() -> None:
    ancient = claimed({"metadata": {"resourceVersion": "1"}}, "first", AT - timedelta(days=300))
    assert not may_take(seen(Seen(), ancient, 5.0), "second", 5.0)


def test_only_a_change_of_holder_is_a_transition() -> None:
    first = _lease("first")
    renewed = claimed(first, "first", AT + timedelta(seconds=2))
    taken = claimed(renewed, "second", AT + timedelta(seconds=4))
    assert (renewed["spec"]["leaseTransitions"], taken["spec"]["leaseTransitions"]) == (1, 2)
    assert renewed["spec"]["acquireTime"] == first["spec"]["acquireTime"]
    assert taken["spec"]["acquireTime"] == "2026-11-21T12:00:04.000000Z"


def test_a_claim_keeps_the_version_that_makes_it_exclusive() -> None:
    assert claimed(_lease("first", "77"), "second", AT)["metadata"]["resourceVersion"] == "77"


def test_a_holder_gives_up_before_another_can_take_over() -> None:
    assert RENEW_DEADLINE_S + RETRY_S < DURATION_S
