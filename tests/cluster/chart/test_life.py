"""The chart's life on an API server of its own: the operator works with exactly its rights, and nothing of it is left.

No node is there: the operator runs here as a process, as its ServiceAccount. Pods of the chart wait for a node.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccproxy_operator.smoke import objects as smoke
from ccproxy_operator.smoke.settings import settings_from_environment
from tests.chart.rendered import CHART, HELM, NAMESPACE, chosen, text
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.conftest import free_port
from tests.waiting import wait_until

SETTINGS = ("crds.keep=false", "image.registry=registry.example")
WITHIN_S = 60.0
KINDS_OF_A_CLUSTER = "customresourcedefinitions,mutatingwebhookconfigurations,clusterroles,clusterrolebindings"
KINDS_OF_THE_NAMESPACE = (
    "deployments,statefulsets,services,poddisruptionbudgets,secrets,leases,serviceaccounts,roles,rolebindings,"
    "networkpolicies,pods,jobs,persistentvolumeclaims,configmaps"
)
THE_CLUSTERS_OWN = {"serviceaccount/default", "configmap/kube-root-ca.crt"}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane that no other test uses: this one takes the kinds away."""
    with control_plane(tmp_path / "cluster", fresh=True) as running:
        yield running


def test_what_is_installed_works_with_its_rights_and_goes_without_a_trace(empty: ControlPlane, tmp_path: Path) -> None:
    empty.kubectl("create", "namespace", NAMESPACE)
    helm(empty, "install", "ccproxy", str(CHART), *chosen(SETTINGS))
    empty.kubectl("create", "namespace", "team-a")
    with operator(empty, tmp_path) as log:
        wait_until(lambda: "ccproxy-injector" in names(empty, "mutatingwebhookconfigurations"), within_s=WITHIN_S)
        empty.apply(json.dumps(a_backend()))
        for kind in ("services", "poddisruptionbudgets", "deployments"):
            wait_until(partial(has_child, empty, kind), within_s=WITHIN_S)
        refused = [line for line in log.read_text().splitlines() if "403" in line or "Forbidden" in line]
    assert refused == []
    said = uninstall_hook(empty, tmp_path)  # after our process, which no Deployment stops: it would make things again
    assert "The operator has stopped." in said
    assert "The kinds and all policies are removed." in said
    helm(empty, "uninstall", "ccproxy", "--no-hooks", "--wait")
    hooks_own(empty, "delete")
    wait_until(lambda: left(empty) == set(), within_s=WITHIN_S)


def test_what_the_users_test_makes_is_taken(empty: ControlPlane) -> None:
    helm(empty, "install", "ccproxy", str(CHART), "--create-namespace", *chosen(SETTINGS))
    chosen_by = {"CCPROXY_NAMESPACE": NAMESPACE, "CCPROXY_TEST_IMAGE": "registry.example/ccproxy-operator:1"}
    settings = settings_from_environment(chosen_by)
    empty.apply(json.dumps(smoke.namespace("there")))
    made = [smoke.secret("there", settings), smoke.backend("there", settings), smoke.policy("there")]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*made, smoke.job("there", settings)]})
    done = empty.kubectl("create", "--validate=strict", "-f", "-", stdin=manifest)
    assert done.stderr == ""
    empty.kubectl("label", "namespace", "there", "pod-security.kubernetes.io/warn=restricted")
    assert empty.kubectl("delete", "-f", "-", "--wait=false", stdin=manifest).returncode == 0


def has_child(cluster: ControlPlane, kind: str) -> bool:
    return any(name.startswith("ccproxy-c-") for name in names(cluster, kind, NAMESPACE))


def a_backend() -> dict[str, Any]:
    metadata = {"name": "cpu", "namespace": "team-a"}
    spec = {"compressor": {"engine": "Cpu"}}
    return {"apiVersion": "ccproxy.ai/v1alpha1", "kind": "ModelBackend", "metadata": metadata, "spec": spec}


@contextmanager
def operator(cluster: ControlPlane, folder: Path) -> Iterator[Path]:
    """One replica, as the chart's ServiceAccount; yields its log."""
    (folder / "ccproxy-config").write_text(token(cluster, "ccproxy-operator", "--audience=ccproxy-config"))
    env = {
        "CCPROXY_KUBECONFIG": str(as_account(cluster, "ccproxy-operator", folder)),
        "CCPROXY_NAMESPACE": NAMESPACE,
        "CCPROXY_POD_NAME": "replica",
        "CCPROXY_TOKENS": str(folder),
        "CCPROXY_OPERATOR_HOST": "127.0.0.1",
        "CCPROXY_OPERATOR_PORT": str(free_port()),
        "CCPROXY_OPS_PORT": str(free_port()),
        "CCPROXY_COMPRESSOR_IMAGE": "registry.example/ccproxy-compressor:1",
    }
    log = folder / "operator.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ccproxy_operator"], env=os.environ | env, stdout=out, stderr=out
        )
        try:
            yield log
        finally:
            process.terminate()
            process.wait(timeout=30)


def uninstall_hook(cluster: ControlPlane, folder: Path) -> str:
    """What the hook says, with the hook's rights. No operator can be reached: it must do without."""
    hooks_own(cluster, "apply")
    env = {
        "CCPROXY_KUBECONFIG": str(as_account(cluster, "ccproxy-uninstall", folder)),
        "CCPROXY_NAMESPACE": NAMESPACE,
        "CCPROXY_ROOT_FILE": str(folder / "none"),
        "CCPROXY_KEEP_KINDS": "0",
    }
    command = [sys.executable, "-m", "ccproxy_operator.retiring"]
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def hooks_own(cluster: ControlPlane, verb: str) -> None:
    """Account and rights of the hook, which Helm makes before and takes away after it."""
    rendered = text(*SETTINGS, arguments=("--show-only=templates/uninstall/hook.yaml",))
    found = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] != "Job"]
    cluster.kubectl(verb, "-f", "-", stdin=yaml.safe_dump_all(found))


def left(cluster: ControlPlane) -> set[str]:
    """Everything with ccproxy in its name, and everything in its namespace but what every namespace has."""
    here = {*all_names(cluster, KINDS_OF_THE_NAMESPACE, NAMESPACE)} - THE_CLUSTERS_OWN
    return here | {name for name in all_names(cluster, KINDS_OF_A_CLUSTER) if "ccproxy" in name}


def names(cluster: ControlPlane, kind: str, namespace: str = "") -> list[str]:
    return [name.partition("/")[2] for name in all_names(cluster, kind, namespace)]


def all_names(cluster: ControlPlane, kinds: str, namespace: str = "") -> list[str]:
    where = [f"--namespace={namespace}"] if namespace else []
    return cluster.kubectl("get", kinds, "-o", "name", *where).stdout.split()


def token(cluster: ControlPlane, account: str, *arguments: str) -> str:
    return cluster.kubectl("create", "token", account, f"--namespace={NAMESPACE}", *arguments).stdout.strip()


def as_account(cluster: ControlPlane, account: str, folder: Path) -> Path:
    """A kubeconfig of one ServiceAccount."""
    shown = cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout
    found = json.loads(shown)["clusters"][0]["cluster"]
    assert base64.b64decode(found["certificate-authority-data"])
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": found}],
        "users": [{"name": "u", "user": {"token": token(cluster, account)}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = folder / f"{account}.kubeconfig"
    path.write_text(json.dumps(kubeconfig))
    return path


def helm(cluster: ControlPlane, *arguments: str) -> str:
    command = [str(HELM), f"--kubeconfig={cluster.kubeconfig}", f"--namespace={NAMESPACE}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
