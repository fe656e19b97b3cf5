"""n of m, the laggards by name, refusals with their reason, sidecars that are too old."""

from __future__ import annotations

import pytest

from ccproxy_operator.status.programmed import Sidecar, figures, programmed


def _pod(name: str, state: str = "InSync", *, reason: str = "", left: tuple[tuple[str, str], ...] = ()) -> Sidecar:
    return Sidecar("a", name, {}, state, reason, left)


@pytest.mark.parametrize(
    ("pods", "status", "reason", "message"),
    [
        ([], "Unknown", "NoSidecars", "0 of 0: it selects no injected pod."),
        ([_pod("x"), _pod("y")], "True", "Programmed", "2 of 2 sidecars run it."),
        ([_pod("x"), _pod("y", "Stale")], "False", "Pending", "1 of 2 sidecars run it; behind: y."),
        (
            [_pod("x", "Absent"), _pod("y", "Rejected", reason="rule 3 is new")],
            "False",
            "Rejected",
            "0 of 2 sidecars run it; rejected by y (rule 3 is new).",
        ),
        (
            [_pod("x", left=(("p", "deny"), ("other", "r"))), _pod("y")],
            "False",
            "SidecarTooOld",
            "2 of 2 sidecars run it; left out of sidecars that are too old: deny in x; restart them.",
        ),
        ([_pod("x", left=(("other", "r"),))], "True", "Programmed", "1 of 1 sidecars run it."),
    ],
    ids=["none", "all", "behind", "rejected", "too old", "too old for another policy"],
)
def test_a_policy_tells_who_runs_it(pods: list[Sidecar], status: str, reason: str, message: str) -> None:
    condition = programmed("p", pods)
    assert (condition.status, condition.reason, condition.message) == (status, reason, message)


def test_five_laggards_are_named_and_the_rest_counted() -> None:
    message = programmed("p", [_pod(f"pod-{number}", "Stale") for number in range(8)]).message
    assert message.endswith("behind: pod-0, pod-1, pod-2, pod-3, pod-4 and 3 more.")


def test_the_columns_count_states() -> None:
    pods = [_pod("x"), _pod("y", "Rejected"), _pod("z", "Absent")]
    assert figures(pods) == {"selected": 3, "inSync": 1, "rejected": 1}
