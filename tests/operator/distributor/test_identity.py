"""What a TokenReview says of a token, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_operator.distributor.identity import Identity, identity_of

GOOD: dict[str, Any] = {
    "authenticated": True,
    "audiences": ["ccproxy-config"],
    "user": {
        "username": "system:serviceaccount:blue:app",
        "extra": {
            "authentication.kubernetes.io/pod-name": ["coder-1"],
            "authentication.kubernetes.io/pod-uid": ["u-1"],
        },
    },
}


def test_a_bound_token_names_its_account_and_its_pod() -> None:
    assert identity_of(GOOD, "ccproxy-config") == Identity("blue", "app", "coder-1", "u-1")


def test_a_token_without_a_pod_has_no_pod() -> None:
    user = {"username": "system:serviceaccount:blue:app"}
    assert identity_of(GOOD | {"user": user}, "ccproxy-config") == Identity("blue", "app", "", "")


@pytest.mark.parametrize(
    "change",
    [
        {"authenticated": False},
        {"authenticated": "true"},
        {"audiences": ["ccproxy-ledger"]},
        {"audiences": []},
        {"audiences": None},
        {"audiences": "ccproxy-config"},
        {"user": {"username": "alice"}},
        {"user": {"username": "system:serviceaccount:blue"}},
        {"user": {"username": "system:serviceaccount::app"}},
        {"user": None},
        {"error": "x", "authenticated": None},
    ],
)
def test_anything_else_is_nobody(change: dict[str, Any]) -> None:
    assert identity_of(GOOD | change, "ccproxy-config") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["username", "extra", "audiences"]) | st.text(), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["authenticated", "audiences", "user"]), JSON))
def test_no_answer_breaks_it(status: dict[str, Any]) -> None:
    identity_of(status, "ccproxy-config")
