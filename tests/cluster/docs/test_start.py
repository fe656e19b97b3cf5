"""The kubectl commands of the cluster's page run as they stand on a real API server; its examples are applied there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccproxy_contract.names import ANNOTATION_HOSTS, ANNOTATION_INJECT, LABEL_CREDENTIALS
from tests.cluster.control_plane import PROGRAMS, ControlPlane
from tests.repo.pages import DOCS, ROOT, Block, blocks

PAGE = DOCS / "kubernetes.md"
EXAMPLES = [block for block in blocks(PAGE) if block.mark == "yaml cluster"]
START = next(block for block in blocks(PAGE) if "patch deployment" in block.text)
KEYS = next(block for block in blocks(PAGE) if "kubectl annotate secret" in block.text)
INJECTION = next(block for block in blocks(PAGE) if "kubectl label namespace" in block.text)
SEEN = next(block for block in blocks(PAGE) if "kubectl describe" in block.text)
IMAGES = next(block for block in blocks(PAGE) if "custom-columns" in block.text)
CODER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: coder, namespace: default}
spec:
  replicas: 0
  selector: {matchLabels: {app: coder}}
  template:
    metadata: {labels: {app: coder}}
    spec: {containers: [{name: agent, image: "localhost/agent:1"}]}
"""
INJECTED = """
apiVersion: v1
kind: Pod
metadata: {name: coder-0, namespace: team-a, labels: {ccproxy.ai/sidecar: "true"}}
spec:
  initContainers: [{name: first, image: "localhost/first:1"}, {name: ccproxy, image: "localhost/ccproxy-sidecar:1"}]
  containers: [{name: agent, image: "localhost/agent:1"}]
"""
SPACES = """
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {team: a}}
---
apiVersion: v1
kind: Namespace
metadata: {name: platform}
"""


@pytest.fixture(scope="module")
def start(settled: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, Path]]:
    """A cluster with the kinds, as after `helm install`, and a folder with the files that the page speaks of."""
    cluster = settled
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        cluster.apply(path.read_text())
    for plural in ("routingpolicies", "modelbackends", "tenants"):
        cluster.kubectl("wait", f"crd/{plural}.ccproxy.ai", "--for=condition=Established", "--timeout=30s")
    cluster.apply(SPACES)
    cluster.apply(CODER)
    folder = tmp_path_factory.mktemp("start")
    for name in ("key.txt", "token.txt"):
        (folder / name).write_text("sk-a-key\n")
    (folder / "policy.yaml").write_text(next(block.text for block in EXAMPLES if block.line > START.line))
    yield cluster, folder
    cluster.kubectl("delete", "deployment/coder", "secret/anthropic", "modelbackend/anthropic", "routingpolicy/coding")


def shell(start: tuple[ControlPlane, Path], block: Block) -> str:
    """Run the block's kubectl lines as a user would. Raises `AssertionError` with what they complain about."""
    cluster, folder = start
    lines = "\n".join(line for line in block.text.splitlines() if line.startswith("kubectl "))
    env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", lines], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(cluster: ControlPlane, path: str, *of: str) -> str:
    escaped = path.replace("ccproxy.ai", "ccproxy\\.ai")
    return cluster.kubectl("get", *of, f"--output=jsonpath={escaped}").stdout


def test_the_start_works_as_it_stands(start: tuple[ControlPlane, Path]) -> None:
    cluster, _ = start
    said = shell(start, START)
    assert re.search(r"^NAME +PRIORITY +MODE +IN SYNC +SIDECARS +ACCEPTED", said, re.MULTILINE)
    assert asked(cluster, f"{{.metadata.labels.{LABEL_CREDENTIALS}}}", "secret", "anthropic") == "true"
    template = f"{{.spec.template.metadata.annotations.{ANNOTATION_INJECT}}}"
    assert asked(cluster, template, "deployment", "coder") == "true"
    assert "coding" in shell(start, SEEN)


def test_a_secret_is_given_free_as_it_stands(start: tuple[ControlPlane, Path]) -> None:
    shell(start, KEYS)
    path = f"{{.metadata.annotations.{ANNOTATION_HOSTS}}}"
    assert asked(start[0], path, "secret", "own-model", "-n", "team-a") == "models.team-a.example"


def test_a_namespace_opts_in_as_it_stands(start: tuple[ControlPlane, Path]) -> None:
    shell(start, INJECTION)
    assert asked(start[0], f"{{.metadata.labels.{ANNOTATION_INJECT}}}", "namespace", "team-a") == "true"


def test_images_of_sidecars_are_listed_as_it_stands(start: tuple[ControlPlane, Path]) -> None:
    start[0].kubectl("wait", "--for=create", "serviceaccount/default", "-n", "team-a", "--timeout=30s")
    start[0].apply(INJECTED)
    said = [line.split() for line in shell(start, IMAGES).splitlines()]
    assert ["coder-0", "localhost/ccproxy-sidecar:1"] in said


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_the_api_server_takes_every_example(start: tuple[ControlPlane, Path], block: Block) -> None:
    start[0].apply(block.text)
