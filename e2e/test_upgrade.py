"""A release before this one: upgraded under load, and its sidecars under the operator of today.

No earlier release exists. So the chart before is today's with a lower version and other values, and the sidecar before
is today's image with one feature taken out.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from e2e import workloads
from e2e.chart import CHART
from e2e.commands import run, wait
from e2e.house import House
from tools.images.engines import engine

SPACE = "upgrade"
OLD_IMAGE = "localhost/ccproxy-sidecar:before"
PATCH = """ARG SIDECAR=localhost/ccproxy-sidecar:e2e
FROM ${SIDECAR}
USER 0:0
COPY before.py /before.py
RUN ["/venv/bin/python", "/before.py"]
USER 65532:65532
"""
BEFORE = """
import compileall, pathlib, py_compile
import ccproxy_contract.features as features
path = pathlib.Path(features.__file__)
path.write_text(path.read_text() + '\\nFEATURES = FEATURES - {"match.contains"}\\n')
compileall.compile_file(path, force=True, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


@pytest.fixture(scope="module", autouse=True)
def _space(installed: House) -> None:
    installed.tenant_space(SPACE)


@pytest.fixture(scope="module")
def old_image(installed: House, tmp_path_factory: pytest.TempPathFactory) -> str:
    """In the cluster: a sidecar that knows no `match.contains`."""
    folder = tmp_path_factory.mktemp("before")
    (folder / "Dockerfile").write_text(PATCH)
    (folder / "before.py").write_text(BEFORE)
    builder = engine()
    builder.build(OLD_IMAGE, dockerfile=folder / "Dockerfile", arguments={}, context=folder)
    builder.save(OLD_IMAGE, folder / "before.tar")
    installed.cluster.load(folder / "before.tar")
    return OLD_IMAGE


def _agent(name: str, *, image: str = "", pause_s: str = "0.1") -> workloads.Object:
    made = workloads.deployment(name, SPACE, "0", pause_s, workloads.MODEL)
    if image:
        made["spec"]["template"]["metadata"]["annotations"]["ccproxy.ai/image"] = image
    return made


def _answers(house: House, name: str) -> list[workloads.Object]:
    pod = house.pod_of(f"app={name}", namespace=SPACE)["metadata"]["name"]
    return [json.loads(line) for line in house.kubectl.logs(pod, namespace=SPACE, container="agent").splitlines()]


def _rule(house: House, name: str) -> object:
    answers = _answers(house, name)
    return answers[-1].get("x-ccproxy-rule") if answers else None


def test_an_old_sidecar_runs_what_it_knows_under_the_operator_of_today(installed: House, old_image: str) -> None:
    installed.install("sidecar.imagePrefixes[0]=localhost/ccproxy-sidecar:")
    installed.kubectl.apply(_agent("old", image=old_image), _agent("new"))
    known = {"name": "known", "then": {"route": {"targets": [{"backend": "scripted"}]}}}
    newer = known | {"name": "newer", "match": {"contains": ["question"]}}
    installed.kubectl.apply(workloads.policy("mixed", SPACE, newer, known, priority=9))
    wait("the new sidecar to run both rules", lambda: _rule(installed, "new") == "newer", timeout_s=60)
    wait("the old sidecar to run the other", lambda: _rule(installed, "old") == "known", timeout_s=60)
    told = installed.kubectl.wait_condition("routingpolicy", "mixed", "Programmed", status="False", namespace=SPACE)
    assert told["reason"] == "SidecarTooOld"
    assert "newer" in told["message"]
    installed.kubectl.delete("deployment", "old", namespace=SPACE)
    wait("no word of it", lambda: _programmed(installed, "mixed") == "True", timeout_s=60)
    installed.kubectl.delete("routingpolicy", "mixed", namespace=SPACE)


def _programmed(house: House, policy: str) -> str:
    return str(house.kubectl.condition("routingpolicy", policy, "Programmed", namespace=SPACE).get("status"))


def test_an_upgrade_under_load_fails_no_call(installed: House, tmp_path: Path) -> None:
    before = tmp_path / "ccproxy"
    shutil.copytree(CHART, before)
    chart = before / "Chart.yaml"
    chart.write_text(chart.read_text().replace("\nversion: ", "\nversion: 0.0.1-was-"))
    installed.install("logLevel=debug", "sidecar.logLevel=debug", chart=before)
    installed.kubectl.apply(_agent("loaded", pause_s="0.05"))
    wait("calls", lambda: len(_answers(installed, "loaded")) > 5, timeout_s=60)
    installed.install()
    edited = {"name": "after", "then": {"route": {"targets": [{"backend": "scripted"}]}}}
    installed.kubectl.apply(workloads.policy("edited", SPACE, edited, priority=9))
    began = time.monotonic()
    wait("the edit after the upgrade", lambda: _rule(installed, "loaded") == "after", timeout_s=30)
    print(f"edit after the upgrade live after {time.monotonic() - began:.1f} s")
    answers = _answers(installed, "loaded")
    print(f"{len(answers)} calls through the upgrade")
    assert {answer["status"] for answer in answers} == {200}
    assert "0.0.1-was" not in run(installed.cluster.helm, "list", "-A", f"--kubeconfig={installed.kubectl.kubeconfig}")
