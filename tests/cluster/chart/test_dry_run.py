"""A real API server takes every object of the chart, and Pod Security `restricted` has nothing to warn of."""

from __future__ import annotations

import json

import pytest

from tests.chart.rendered import CASES, NAMESPACE, objects
from tests.cluster.control_plane import ControlPlane

STRANGERS = ("monitoring.coreos.com/", "cert-manager.io/")


@pytest.fixture
def room(settled: ControlPlane) -> ControlPlane:
    """The system namespace, where restricted is enforced and warned of, with the account of the test's pod."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": level}}
    settled.apply(json.dumps(space))
    account = {"name": "ccproxy-test", "namespace": NAMESPACE}
    settled.apply(json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}))
    return settled


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_the_chart_without_a_warning(room: ControlPlane, case: str) -> None:
    known = [one for one in objects(*CASES[case]) if not one["apiVersion"].startswith(STRANGERS)]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": known})
    done = room.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
        stdin=manifest,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == len(known)
