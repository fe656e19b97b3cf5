"""The chart renders for every way to install it, and what it renders may run under Pod Security `restricted`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from tests.chart.rendered import CASES, CHART, NAMESPACE, ROOT, chosen, containers, helm, objects, pod_specs, text

CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_complain_about(case: str) -> None:
    done = helm("lint", "--strict", str(CHART), *chosen(CASES[case]))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("case", CASES)
def test_every_container_passes_pod_security_restricted(case: str) -> None:
    for name, spec in pod_specs(objects(*CASES[case])):
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["securityContext"]["runAsUser"] >= 1000, name
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["runAsNonRoot"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name


@pytest.mark.parametrize("case", CASES)
def test_every_container_says_what_it_needs_and_has_a_memory_limit(case: str) -> None:
    for name, container in containers(objects(*CASES[case])):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("case", CASES)
def test_no_container_runs_a_shell(case: str) -> None:
    for name, container in containers(objects(*CASES[case])):
        words = [*container.get("command", ()), *container.get("args", ())]
        assert not any(word in ("sh", "bash", "-c", "/bin/sh") for word in words), name


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_labelled_and_in_the_release_namespace(case: str) -> None:
    for one in objects(*CASES[case]):
        name = f"{one['kind']} {one['metadata']['name']}"
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ccproxy", name
        assert one["metadata"].get("namespace") == (None if one["kind"] in CLUSTER_SCOPED else NAMESPACE), name


@pytest.mark.parametrize("case", CASES)
def test_no_object_stands_twice(case: str) -> None:
    found = [(one["kind"], one["metadata"]["name"]) for one in objects(*CASES[case])]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_written_and_none_reaches_an_environment(case: str) -> None:
    found = objects(*CASES[case])
    assert [one["metadata"]["name"] for one in found if one["kind"] in ("Secret", "ConfigMap")] == []
    for name, container in containers(found):
        assert not any("secretKeyRef" in item.get("valueFrom", {}) for item in container.get("env", ())), name


def test_fields_that_controllers_own_are_not_declared() -> None:
    assert "caBundle" not in text(*CASES["everything"], "crds.install=false")
    assert not any(one["kind"].endswith("WebhookConfiguration") for one in objects(*CASES["everything"]))


def test_a_trial_is_one_pod_and_answers_for_the_books() -> None:
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects()}
    ledger = found["StatefulSet", "ccproxy-ledger"]
    assert ledger["spec"]["replicas"] == 1
    assert ("Deployment", "ccproxy-books") not in found
    selector = found["Service", "ccproxy-books"]["spec"]["selector"]
    assert selector.items() <= ledger["spec"]["template"]["metadata"]["labels"].items()


def test_with_a_postgres_of_ones_own_two_collectors_keep_a_spool_each() -> None:
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects(*CASES["external"])}
    ledger = found["StatefulSet", "ccproxy-ledger"]["spec"]
    assert ledger["replicas"] == 2
    assert [claim["metadata"]["name"] for claim in ledger["volumeClaimTemplates"]] == ["state"]
    assert ledger["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert found["Service", "ccproxy-books"]["spec"]["selector"]["app.kubernetes.io/component"] == "books"


@pytest.mark.parametrize("case", CASES)
def test_every_service_budget_and_network_policy_selects_a_pod_of_the_chart(case: str) -> None:
    found = objects(*CASES[case])
    pods = [one["metadata"]["labels"] for one in found if one["kind"] == "Pod"]
    pods += [one["spec"]["template"]["metadata"]["labels"] for one in found if "template" in one.get("spec", {})]
    pods.append({"app.kubernetes.io/part-of": "ccproxy", "app.kubernetes.io/component": "compressor"})
    wanted = {"app.kubernetes.io/part-of": "ccproxy", "app.kubernetes.io/component": "books"}
    for one in found:
        if one["kind"] == "Service":
            selector = one["spec"]["selector"]
        elif one["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
            selector = one["spec"].get("selector", one["spec"].get("podSelector"))
            selector = selector.get("matchLabels", {})
        else:
            continue
        trial = selector == wanted and case in ("trial", "small")  # nobody there: the ledger's own policy applies
        assert trial or any(selector.items() <= labels.items() for labels in pods), one["metadata"]["name"]


def test_two_replicas_of_what_must_not_be_away_with_a_budget_each() -> None:
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects()}
    for name in ("ccproxy-operator", "ccproxy-injector"):
        deployment = found["Deployment", name]["spec"]
        assert deployment["replicas"] == 2
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert deployment["template"]["spec"]["topologySpreadConstraints"]
        assert found["PodDisruptionBudget", name]["spec"]["maxUnavailable"] == 1


def test_a_digest_wins_over_every_tag() -> None:
    digest = "sha256:" + "a" * 64
    settings = ("image.registry=registry.example/team", "image.tag=v7", f"images.sidecar.digest={digest}")
    env = next(c["env"] for _, c in containers(objects(*settings)) if c["name"] == "injector")
    images = {item["name"]: item.get("value") for item in env}
    assert images["CCPROXY_SIDECAR_IMAGE"] == f"registry.example/team/ccproxy-sidecar@{digest}"
    assert {c["image"] for _, c in containers(objects(*settings)) if c["name"] == "ledger"} == {
        "registry.example/team/ccproxy-ledger:v7"
    }


def test_the_kinds_are_those_of_crds_and_stay_on_uninstall() -> None:
    found = [one for one in objects() if one["kind"] == "CustomResourceDefinition"]
    for one in found:
        assert one["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert one["metadata"].pop("labels") == {"app.kubernetes.io/part-of": "ccproxy"}
    assert sorted(map(json.dumps, found)) == sorted(
        json.dumps(yaml.safe_load(path.read_text())) for path in (ROOT / "crds").glob("*.yaml")
    )
    assert not any(one["kind"] == "CustomResourceDefinition" for one in objects("crds.install=false"))


def test_what_is_made_from_elsewhere_is_as_it_should_be() -> None:
    command = [sys.executable, "-m", "tools.chart", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("operator.replicas=0", "minimum: got 0, want 1"),
        ("operator.replica=2", "additional properties 'replica' not allowed"),
        ("sidecar.tokenSeconds=60", "minimum: got 60, want 600"),
        ("sidecar.maxCpu=much", "does not match pattern"),
        ("images.sidecar.digest=sha256:1", "does not match pattern"),
        ("image.pullPolicy=Sometimes", "value must be one of"),
        ("logLevel=loud", "value must be one of"),
        ("ledger.persistence.onUninstall=Burn", "value must be one of"),
        ("crds.keep=maybe", "got string, want boolean"),
        ("colour=blue", "additional properties 'colour' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path_and_the_reason(setting: str, complaint: str) -> None:
    done = helm("template", "ccproxy", str(CHART), "--set", setting)
    assert done.returncode != 0
    path = setting.partition("=")[0].rpartition(".")[0]
    assert complaint in done.stderr
    assert f"/{path.replace('.', '/')}" in done.stderr or not path
