"""What a workload's slice holds: its own policies, the keys these need, and what its sidecar knows how to run."""

from __future__ import annotations

import pytest

from ccproxy_contract.features import FEATURES
from ccproxy_contract.snapshot import Match, snapshot_bytes, snapshot_from_bytes
from ccproxy_policy.cluster.workloads import LeftOut, for_workload
from tests.policy.cluster_writing import DENY, backend, compiled, cut, policy, route, rule, slice_of

CODER = {"workloadSelector": {"matchLabels": {"app": "coder"}}}


def test_a_slice_has_the_rules_of_the_policies_that_select_its_pods() -> None:
    found = compiled(
        policy("all", {"rules": [rule("everywhere", DENY)]}),
        policy("coders", CODER | {"priority": 3, "rules": [rule("coders-only", DENY)]}),
    )

    assert [one.name for one in slice_of(found, app="coder", tier="x").rules] == ["coders-only", "everywhere"]
    assert [one.name for one in slice_of(found, app="chat").rules] == ["everywhere"]


def test_the_default_is_the_first_there_is_of_the_policies_that_select() -> None:
    found = compiled(
        policy("shadow", {"priority": 9, "mode": "Shadow", "default": DENY}),
        policy("off", {"priority": 8, "mode": "Off", "default": DENY}),
        policy("coders", CODER | {"priority": 7, "default": DENY}),
        policy("none", {"priority": 6}),
        policy("last", {"priority": 5, "default": DENY}),
    )

    assert [d.policy for labels in ({"app": "coder"}, {}) if (d := slice_of(found, **labels).default)] == [
        "coders",
        "last",
    ]


def test_a_slice_has_the_backends_that_its_rules_name_and_those_that_nobody_names() -> None:
    found = compiled(
        *(backend(name) for name in ("for-coders", "for-all", "for-nobody", "only-default")),
        policy("coders", CODER | {"default": route("only-default"), "rules": [rule("c", route("for-coders"))]}),
        policy("all", {"priority": 3, "default": route("for-all"), "rules": [rule("x", route("for-all"))]}),
    )

    assert [b.name for b in slice_of(found, app="coder").backends] == ["for-all", "for-coders", "for-nobody"]
    assert [b.name for b in slice_of(found).backends] == ["for-all", "for-nobody"]


def test_a_policy_that_is_off_keeps_no_backend_from_anybody() -> None:
    found = compiled(backend("b"), policy("p", CODER | {"mode": "Off", "default": route("b")}))

    assert [b.name for b in slice_of(found).backends] == ["b"]


def test_a_slice_says_whose_it_is() -> None:
    found = compiled(policy("p", {}))
    one = for_workload(
        found,
        workload="Job/x",
        labels={},
        features=FEATURES,
        resource_versions={"Secret": "3", "ModelBackend": "2"},
        next_root="PEM",
        retired=True,
    ).snapshot

    assert (one.workload, one.namespace, one.tenant, one.next_root, one.retired) == ("Job/x", "a", "t", "PEM", True)
    assert one.resource_versions == {"ModelBackend": "2", "Secret": "3"}
    assert snapshot_from_bytes(snapshot_bytes(one)) == one


def test_resource_versions_do_not_change_the_hash() -> None:
    found = compiled(policy("p", {}))

    assert cut(found, versions={"Secret": "1"}).snapshot.hash == cut(found, versions={"Secret": "9"}).snapshot.hash
    assert cut(found).snapshot.hash != cut(compiled(policy("p", {"default": DENY}))).snapshot.hash


OLD = FEATURES - {"match.contains", "route.Weighted"}
CONTAINS = {"contains": ["x"], "models": ["m"]}


@pytest.mark.parametrize(
    ("fail_mode", "mode", "kept"),
    [("Closed", "Enforce", True), ("Open", "Enforce", False), ("Closed", "Shadow", False)],
)
def test_a_deny_rule_that_an_old_sidecar_lacks_a_condition_for(fail_mode: str, mode: str, kept: bool) -> None:
    spec = {"failMode": fail_mode, "mode": mode, "rules": [rule("no", DENY, CONTAINS), rule("yes", DENY)]}
    found = cut(compiled(policy("p", spec)), features=OLD)

    assert [one.name for one in found.snapshot.rules] == (["no", "yes"] if kept else ["yes"])
    assert not kept or found.snapshot.rules[0].match == Match(models=("m",))
    assert found.left_out == (LeftOut("p", "no", ("match.contains",), denies_more=kept),)


def test_a_route_that_an_old_sidecar_does_not_know_is_left_out() -> None:
    weighted = {"route": {"strategy": "Weighted", "targets": [{"backend": "b", "weight": 2}]}}
    spec = {"default": weighted, "rules": [rule("w", weighted, CONTAINS), rule("plain", route("b"))]}
    found = compiled(backend("b"), policy("p", spec), policy("q", {"priority": -1, "default": DENY}))
    old = cut(found, features=OLD)

    assert [one.name for one in old.snapshot.rules] == ["plain"]
    assert old.snapshot.default is not None
    assert old.snapshot.default.policy == "q"
    assert old.left_out == (
        LeftOut("p", "w", ("match.contains", "route.Weighted")),
        LeftOut("p", "default", ("route.Weighted",)),
    )
    assert cut(found).left_out == ()
