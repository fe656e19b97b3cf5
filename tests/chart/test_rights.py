"""Who may do what: the whole list, written by hand, and a comment in the chart for each rule."""

from __future__ import annotations

import re

import pytest

from tests.chart.rendered import CHART, Object, objects

READ = "get list watch"
OWN_SECRETS = "ccproxy-compressor-tls ccproxy-injector-tls ccproxy-ledger-tls ccproxy-operator-tls ccproxy-root"
RIGHTS: dict[str, dict[tuple[str, str], str]] = {
    "ClusterRole ccproxy-operator": {
        ("ccproxy.ai/modelbackends ccproxy.ai/routingpolicies ccproxy.ai/tenants", ""): READ,
        ("ccproxy.ai/modelbackends/status ccproxy.ai/routingpolicies/status ccproxy.ai/tenants/status", ""): "patch",
        ("/namespaces", ""): READ,
        ("/secrets", ""): "list watch",
        ("/pods", ""): READ,
        ("/pods/eviction", ""): "create",
        ("authentication.k8s.io/tokenreviews", ""): "create",
        ("/events", ""): "create get patch",
        ("apps/daemonsets apps/deployments apps/replicasets apps/statefulsets", ""): "get",
        ("batch/cronjobs batch/jobs", ""): "get",
        (
            "admissionregistration.k8s.io/mutatingwebhookconfigurations",
            "ccproxy-injector",
        ): "create delete get patch update",
    },
    "Role ccproxy-operator": {
        ("coordination.k8s.io/leases", ""): "create",
        ("coordination.k8s.io/leases", "ccproxy-operator"): "get patch update",
        ("/secrets", ""): "create",
        ("/secrets", OWN_SECRETS): "delete get patch",
        ("apps/deployments", ""): "create delete get list patch update",
        ("/services", ""): "create delete get list patch update",
        ("policy/poddisruptionbudgets", ""): "create delete get list patch update",
        ("discovery.k8s.io/endpointslices", ""): "get list",
    },
    "ClusterRole ccproxy-injector": {("/events", ""): "create"},
    "ClusterRole ccproxy-uninstall": {
        ("admissionregistration.k8s.io/mutatingwebhookconfigurations", "ccproxy-injector"): "delete",
        (
            "apiextensions.k8s.io/customresourcedefinitions",
            "modelbackends.ccproxy.ai routingpolicies.ccproxy.ai tenants.ccproxy.ai",
        ): "delete get",
    },
    "Role ccproxy-uninstall": {
        ("apps/deployments", "ccproxy-operator"): "get",
        ("apps/deployments/scale", "ccproxy-operator"): "patch",
        ("/pods", ""): "list",
        ("/pods", "ccproxy-test"): "delete",
        ("apps/deployments", ""): "delete list",
        ("/services", ""): "delete list",
        ("policy/poddisruptionbudgets", ""): "delete list",
        ("/secrets", OWN_SECRETS): "delete",
        ("coordination.k8s.io/leases", "ccproxy-operator"): "delete",
    },
    "ClusterRole ccproxy-test": {
        ("/namespaces", ""): "create delete",
        ("ccproxy.ai/modelbackends ccproxy.ai/routingpolicies", ""): "create",
        ("/secrets", ""): "create",
        ("batch/jobs", ""): "create get",
        ("/pods", ""): "list",
    },
}


def rights(role: Object) -> dict[tuple[str, str], str]:
    """(group/resource …, names …) to verbs, each sorted and joined by a space."""
    found = {}
    for rule in role["rules"]:
        resources = sorted(f"{group}/{resource}" for group in rule["apiGroups"] for resource in rule["resources"])
        key = (" ".join(resources), " ".join(sorted(rule.get("resourceNames", ()))))
        found[key] = " ".join(sorted(rule["verbs"]))
    return found


def roles(*settings: str) -> dict[str, Object]:
    found = [one for one in objects(*settings) if one["kind"] in ("Role", "ClusterRole")]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}


def test_there_are_no_other_roles() -> None:
    assert set(roles("crds.keep=false")) == set(RIGHTS)


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_may_do_this_and_nothing_else(role: str) -> None:
    wanted = {key: " ".join(sorted(verbs.split())) for key, verbs in RIGHTS[role].items()}
    assert rights(roles("crds.keep=false")[role]) == wanted


def test_the_kinds_can_be_removed_only_when_they_shall_go() -> None:
    assert "customresourcedefinitions" not in str(roles()["ClusterRole ccproxy-uninstall"])


def test_nobody_may_do_everything() -> None:
    assert not any("*" in str(role["rules"]) for role in roles("crds.keep=false").values())


def test_rights_of_hooks_end_with_the_hook() -> None:
    for one in objects():
        if one["metadata"]["name"] in ("ccproxy-uninstall", "ccproxy-test") and one["kind"] not in ("Pod", "Job"):
            policy = one["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
            assert policy == "before-hook-creation,hook-succeeded", one["kind"]


def test_every_rule_says_what_it_is_for() -> None:
    files = [path for path in CHART.rglob("templates/**/*.yaml") if "rules:" in path.read_text()]
    assert len(files) >= 4
    for path in files:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"\s+- apiGroups:", line):
                assert lines[number - 1].lstrip().startswith("# "), f"{path.name}:{number + 1}"
