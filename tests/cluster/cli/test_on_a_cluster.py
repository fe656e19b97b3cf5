"""`ccproxy check` and `status` against a real API server, with the user's own rights and without reading a secret."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ccproxy_cli.cluster.overview import overview
from tests.cluster.control_plane import PROGRAMS, ControlPlane

ROOT = Path(__file__).resolve().parents[3]
KEY = "sk-nobody-may-read-this"
SPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: checked, labels: {team: a}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: Tenant
metadata: {name: a}
spec: {namespaces: {matchLabels: {team: a}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: anthropic, namespace: checked}
spec: {provider: Anthropic, credentials: {secretRef: {name: anthropic, key: api-key}}}
"""
SECRET = f"""
apiVersion: v1
kind: Secret
metadata: {{name: anthropic, namespace: checked, labels: {{ccproxy.ai/credentials: "true"}}}}
data: {{api-key: {base64.b64encode(KEY.encode()).decode()}}}
"""
POLICY = """
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {name: everything}
spec: {default: {route: {targets: [{backend: BACKEND}]}}}
"""


@pytest.fixture(scope="module")
def space(settled: ControlPlane) -> ControlPlane:
    cluster = settled
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        cluster.apply(path.read_text())
    for plural in ("routingpolicies", "modelbackends", "tenants"):
        cluster.kubectl("wait", f"crd/{plural}.ccproxy.ai", "--for=condition=Established", "--timeout=30s")
    cluster.apply(SPACE)
    return cluster


def ccproxy(cluster: ControlPlane, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    command = [str(Path(sys.executable).parent / "ccproxy"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_check_names_what_is_missing_and_then_is_content(space: ControlPlane) -> None:
    missing = ccproxy(space, "check", "--context", "")
    assert missing.returncode == 1
    assert "ModelBackend checked/anthropic: spec.credentials.secretRef" in missing.stdout
    space.apply(SECRET)
    good = ccproxy(space, "check", "--context", "")
    assert (good.returncode, good.stdout) == (0, "OK: 2 objects\n"), good.stdout + good.stderr
    assert KEY not in good.stdout + good.stderr


def test_check_applies_a_folder_over_the_cluster(space: ControlPlane, tmp_path: Path) -> None:
    space.apply(SECRET)
    (tmp_path / "policy.yaml").write_text(POLICY.replace("BACKEND", "anthropik"))
    wrong = ccproxy(space, "check", str(tmp_path), "--context", "", "-n", "checked")
    assert wrong.returncode == 1
    assert "policy.yaml:5: spec.default.route.targets[0].backend" in wrong.stdout
    assert "anthropik" in wrong.stdout
    (tmp_path / "policy.yaml").write_text(POLICY.replace("BACKEND", "anthropic"))
    assert ccproxy(space, "check", str(tmp_path), "--context", "", "-n", "checked", "--json").returncode == 0


def test_status_tells_what_nobody_has_judged_yet(space: ControlPlane) -> None:
    told = ccproxy(space, "status", "--context", "", "--json")
    said = json.loads(told.stdout)
    assert told.returncode == 1
    assert "ModelBackend checked/anthropic has no status yet: is the operator running?" in said["problems"]
    # The system namespace may be there or not; a reader is in none without the chart.
    assert re.search(r'"ccproxy-(system|reader)" not found', said["today"]["problem"])


def test_an_unknown_context_is_told_in_kubectls_words(space: ControlPlane) -> None:
    told = ccproxy(space, "check", "--context", "nowhere")
    assert told.returncode == 1
    assert "nowhere" in told.stderr


def test_the_overview_counts_sidecars_and_names_problems() -> None:
    condition = {"type": "Programmed", "status": "False", "reason": "Pending", "message": "1 of 2; behind: x."}
    item = {
        "kind": "RoutingPolicy",
        "metadata": {"namespace": "a", "name": "p"},
        "spec": {"mode": "Shadow"},
        "status": {"sidecars": {"selected": 2, "inSync": 1, "rejected": 1}, "conditions": [condition]},
    }
    found = overview([item], [])
    assert (found.policies[0].selected, found.policies[0].in_sync, found.stale) == (2, 1, 1)
    assert found.problems == ("RoutingPolicy a/p: Programmed is false (Pending): 1 of 2; behind: x.",)
