"""Pods through a real API server and the injector: who gets the sidecar, who is refused, who is never touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.injector import old_webhook
from tests.cluster.injector.admitting import (
    Json,
    admitting,
    asked,
    asking_namespace,
    create,
    events,
    has_sidecar,
    inits,
    listed,
    pod,
    refusal,
    template_spec,
)
from tests.cluster.reached import new_namespace
from tests.injector.running import Injector
from tests.waiting import wait_until

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="module")
def injector(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    with admitting(cluster, tmp_path_factory.mktemp("injector")) as running:
        yield running


@pytest.fixture(scope="module")
def namespace(cluster: ControlPlane, injector: Injector) -> str:
    """Asks for the sidecar, and holds its pods to Pod Security `restricted`."""
    return asking_namespace(cluster, **RESTRICTED)


def template(**spec: Any) -> Json:
    return {"metadata": {"labels": {"app": "x"}}, "spec": template_spec(**spec)}


SELECTED: Json = {"selector": {"matchLabels": {"app": "x"}}}
JOB: Json = {"template": template(restartPolicy="Never")}
WORKLOADS: dict[str, tuple[str, Json, str]] = {
    "Deployment": ("apps/v1", {"replicas": 1, **SELECTED, "template": template()}, "ReplicaSet"),
    "StatefulSet": ("apps/v1", {"serviceName": "x", **SELECTED, "template": template()}, "StatefulSet"),
    "Job": ("batch/v1", JOB, "Job"),
}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_a_workloads_pods_get_the_sidecar_and_its_owner_an_event(
    cluster: ControlPlane, injector: Injector, kind: str
) -> None:
    own = asking_namespace(cluster, **RESTRICTED)
    api_version, spec, owner = WORKLOADS[kind]
    create(cluster, own, {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec})
    wait_until(lambda: listed(cluster, own, "pods"))
    made = listed(cluster, own, "pods")[0]
    assert inits(made) == ["ccproxy"]
    assert made["spec"]["initContainers"][0]["restartPolicy"] == "Always"
    assert made["metadata"]["labels"]["ccproxy.ai/sidecar"] == "true"
    wait_until(lambda: events(cluster, own))
    event = events(cluster, own)[0]
    assert (event["reason"], event["type"], event["involvedObject"]["kind"]) == ("Injected", "Normal", owner)
    assert event["involvedObject"]["uid"] == made["metadata"]["ownerReferences"][0]["uid"]


def test_a_namespace_that_does_not_ask_gets_it_for_pods_that_do(cluster: ControlPlane, injector: Injector) -> None:
    other = new_namespace(cluster, "other")
    wait_until(lambda: listed(cluster, other, "sa"))
    assert not has_sidecar(create(cluster, other, pod()))
    assert has_sidecar(create(cluster, other, pod(annotation="true")))
    assert not has_sidecar(create(cluster, other, pod(annotation="false")))


def test_an_opted_out_pod_is_what_it_is_without_ccproxy(cluster: ControlPlane, namespace: str) -> None:
    plain = new_namespace(cluster, "plain")
    wait_until(lambda: listed(cluster, plain, "sa"))
    manifest = pod(annotation="false", automountServiceAccountToken=False)
    here, there = (create(cluster, name, manifest) for name in (namespace, plain))
    assert here["spec"] == there["spec"]
    assert here["metadata"]["annotations"] == there["metadata"]["annotations"] == {"ccproxy.ai/inject": "false"}
    assert "labels" not in here["metadata"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"shareProcessNamespace": True}, "SharedProcesses"),
        ({"hostNetwork": True}, "HostNetwork"),
        ({"hostPID": True}, "HostPid"),
    ],
)
def test_a_pod_in_which_a_sidecar_cannot_be_kept_apart_is_refused(
    cluster: ControlPlane, namespace: str, spec: Json, says: str
) -> None:
    assert f"denied the request: ccproxy cannot inject this pod ({says}): " in refusal(cluster, namespace, pod(**spec))


def test_a_dry_run_shows_the_sidecar_and_leaves_no_event(cluster: ControlPlane, injector: Injector) -> None:
    own = asking_namespace(cluster)  # asks by dry runs until it is so
    shown = create(cluster, own, {**pod(), "metadata": {"name": "shown"}}, "--dry-run=server")
    assert has_sidecar(shown)
    create(cluster, own, {**pod(), "metadata": {"name": "made"}})
    wait_until(lambda: events(cluster, own))
    assert [event["involvedObject"]["name"] for event in events(cluster, own)] == ["made"]


def test_what_another_webhook_drops_is_put_back_and_what_it_adds_is_told(
    cluster: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    manifest = pod()
    manifest["metadata"]["labels"] = {"old": "yes"}
    with old_webhook.old_webhook(tmp_path) as (url, root), asked(cluster, old_webhook.configuration(), url, root):
        wait_until(lambda: len(create(cluster, namespace, manifest, "--dry-run=server")["spec"]["containers"]) > 1)
        made = create(cluster, namespace, manifest)
    assert inits(made) == ["ccproxy"]
    assert made["spec"]["initContainers"][0]["restartPolicy"] == "Always"
    app, late = made["spec"]["containers"][:2]
    assert app["env"] == late["env"]
    volumes = [volume["name"] for volume in made["spec"]["volumes"]]
    assert len([name for name in volumes if name.startswith("ccproxy-")]) == 3


def test_a_copy_of_an_injected_pod_is_taken_as_it_is(cluster: ControlPlane, namespace: str) -> None:
    first = create(cluster, namespace, pod())
    copied = {
        **first,
        "metadata": {k: first["metadata"][k] for k in ("labels", "annotations")} | {"generateName": "q-"},
    }
    second = create(cluster, namespace, {**copied, "status": {}})
    assert second["spec"]["initContainers"] == first["spec"]["initContainers"]
    assert second["metadata"]["annotations"] == first["metadata"]["annotations"]


def test_while_the_injector_is_down_only_pods_that_ask_are_refused(cluster: ControlPlane, tmp_path: Path) -> None:
    with admitting(cluster, tmp_path) as injector:
        own = asking_namespace(cluster)
        injector.process.terminate()
        injector.process.wait()
        says = refusal(cluster, own, pod())
        assert 'failed calling webhook "namespace.inject.ccproxy.ai"' in says
        assert "connection refused" in says
        assert not has_sidecar(create(cluster, own, pod(annotation="false")))
        other = new_namespace(cluster, "other")
        wait_until(lambda: listed(cluster, other, "sa"))
        assert not has_sidecar(create(cluster, other, pod()))
        assert 'failed calling webhook "pod.inject.ccproxy.ai"' in refusal(cluster, other, pod(annotation="true"))
