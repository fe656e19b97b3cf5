"""What `kubectl get` tells about policies and backends, written by a real operator into a real API server."""

from __future__ import annotations

import json
import time

from tests.cluster.control_plane import ControlPlane
from tests.cluster.operator.replicas import Replica, backend, policy, secret, told, version
from tests.cluster.reached import new_namespace
from tests.waiting import wait_until


def test_a_policy_gets_its_conditions(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    expected = {
        "Accepted": ("True", "Accepted"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
        "Programmed": ("Unknown", "NoSidecars"),
    }
    # Kinds have watches of their own: the policy may be seen, and judged, before its backend is.
    wait_until(
        lambda: {kind: one[:2] for kind, one in told(cluster, "routingpolicy", space, "all").items()} == expected
    )
    wait_until(lambda: len(told(cluster, "modelbackend", space, "anthropic")) == 3)
    found = ("True", "SecretFound")
    wait_until(lambda: told(cluster, "modelbackend", space, "anthropic")["CredentialsValid"][:2] == found)


def test_a_missing_secret_is_named_and_heals_without_a_touch(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((backend(space, secret="late"), policy(space, "all"))))
    wait_until(lambda: "ResolvedRefs" in told(cluster, "routingpolicy", space, "all"))
    found = told(cluster, "routingpolicy", space, "all")
    assert found["Accepted"][0] == "True"
    assert found["ResolvedRefs"][0] == "False"
    assert "late" in found["ResolvedRefs"][2]
    assert told(cluster, "modelbackend", space, "anthropic")["CredentialsValid"][:2] == ("False", "SecretNotFound")
    cluster.apply(secret(space, "late"))
    wait_until(lambda: told(cluster, "routingpolicy", space, "all")["ResolvedRefs"][0] == "True")
    wait_until(lambda: told(cluster, "modelbackend", space, "anthropic")["CredentialsValid"][0] == "True")


def test_no_secret_value_stands_in_a_status_or_a_log(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    wait_until(lambda: len(told(cluster, "routingpolicy", space, "all")) == 3)
    written = cluster.kubectl("get", "routingpolicies,modelbackends", "-A", "-o", "yaml").stdout
    assert "not-a-real-key" not in written + json.dumps(running.lines()) + running.asked("/metrics")[1]


def test_a_bad_policy_spoils_no_other(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    bad = policy(space, "bad", model="claude").replace(
        "spec: {", "spec: {rules: [{name: r, match: {models: ['re:(']}, then: {deny: {message: 'no'}}}], "
    )
    cluster.apply("---".join((secret(space), backend(space), policy(space, "good"), bad)))
    wait_until(lambda: "Accepted" in told(cluster, "routingpolicy", space, "bad"))
    wait_until(lambda: "Accepted" in told(cluster, "routingpolicy", space, "good"))
    wait_until(lambda: told(cluster, "routingpolicy", space, "good")["ResolvedRefs"][0] == "True")
    found = told(cluster, "routingpolicy", space, "bad")
    assert found["Accepted"][:2] == ("False", "Invalid")
    assert found["Accepted"][2].startswith("spec.rules[0].match.models[0]: ")
    assert found["Programmed"][:2] == ("False", "NotAccepted")


def test_what_changes_nothing_writes_nothing(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    wait_until(lambda: len(told(cluster, "routingpolicy", space, "all")) == 3)
    cluster.kubectl("annotate", "routingpolicy", "all", "-n", space, "note=1")
    cluster.kubectl("label", "secret", "anthropic", "-n", space, "note=1")
    before = version(cluster, "routingpolicy", space, "all"), version(cluster, "modelbackend", space, "anthropic")
    time.sleep(5)
    after = version(cluster, "routingpolicy", space, "all"), version(cluster, "modelbackend", space, "anthropic")
    assert after == before


def test_a_status_that_somebody_spoils_is_put_right(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    wait_until(lambda: len(told(cluster, "routingpolicy", space, "all")) == 3)
    cluster.kubectl(
        "patch", "routingpolicy", "all", "-n", space, "--subresource=status", "--type=merge",
        "-p", '{"status": {"conditions": null}}',
    )  # fmt: skip
    wait_until(lambda: len(told(cluster, "routingpolicy", space, "all")) == 3)


def test_pods_without_a_stream_are_behind_by_name(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    cluster.kubectl("create", "serviceaccount", "default", "-n", space, check=False)
    cluster.apply(_pod(space, "coder-1", sidecar=True) + "---" + _pod(space, "plain", sidecar=False))
    wait_until(lambda: told(cluster, "routingpolicy", space, "all").get("Programmed", ("", ""))[1] == "Pending")
    message = told(cluster, "routingpolicy", space, "all")["Programmed"][2]
    assert message == "0 of 1 sidecars run it; behind: coder-1."
    columns = cluster.kubectl("get", "routingpolicy", "all", "-n", space).stdout.splitlines()
    assert columns[0].split()[:7] == ["NAME", "PRIORITY", "MODE", "IN", "SYNC", "SIDECARS", "ACCEPTED"]
    assert columns[1].split()[:6] == ["all", "0", "Enforce", "0", "1", "True"]
    cluster.kubectl("delete", "pod", "coder-1", "-n", space, "--grace-period=0", "--force")
    wait_until(lambda: told(cluster, "routingpolicy", space, "all")["Programmed"][1] == "NoSidecars")


def test_a_tenant_is_accepted_and_a_second_claim_is_not(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster, claim="once")
    cluster.apply(_tenant(f"old-{space}", "once"))
    wait_until(lambda: told(cluster, "tenant", "", f"old-{space}").get("Accepted", ("",))[0] == "True")
    time.sleep(1.1)  # creationTimestamps count whole seconds
    cluster.apply(_tenant(f"new-{space}", "once"))
    wait_until(lambda: told(cluster, "tenant", "", f"new-{space}").get("Accepted", ("", ""))[1] == "NamespaceTaken")
    assert space in told(cluster, "tenant", "", f"new-{space}")["Accepted"][2]
    cluster.kubectl("delete", "tenant", f"old-{space}", f"new-{space}")


def test_nothing_but_the_status_is_written(cluster: ControlPlane, running: Replica) -> None:
    space = new_namespace(cluster)
    cluster.apply("---".join((secret(space), backend(space), policy(space, "all"))))
    wait_until(lambda: len(told(cluster, "routingpolicy", space, "all")) == 3)
    raw = cluster.kubectl("get", "routingpolicy", "all", "-n", space, "--show-managed-fields", "-o", "json").stdout
    metadata = json.loads(raw)["metadata"]
    ours = [one for one in metadata["managedFields"] if one["manager"] != "kubectl"]
    assert {(one["manager"], one["operation"], one.get("subresource")) for one in ours} == {
        ("ccproxy-operator", "Apply", "status")
    }
    assert metadata.get("finalizers", []) == []
    assert "annotations" not in metadata


def _tenant(name: str, claim: str) -> str:
    return f"""
apiVersion: ccproxy.ai/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: {{matchLabels: {{claim: {claim}}}}}}}
"""


def _pod(namespace: str, name: str, *, sidecar: bool) -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{ccproxy.ai/sidecar: "{str(sidecar).lower()}"}}}}
spec: {{containers: [{{name: app, image: none}}]}}
"""
