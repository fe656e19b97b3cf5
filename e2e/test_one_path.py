"""The shortest true story: install, policy, annotated Job, call, `/usage`, uninstall. `make test` runs this one."""

from __future__ import annotations

import json
import uuid

from e2e import workloads
from e2e.chart import SYSTEM
from e2e.commands import wait
from e2e.house import House
from e2e.usage import usage

SPACE = "one-path"
KEY = f"sk-one-path-{uuid.uuid4()}"
"""Nobody else's: agents of other files call the same provider meanwhile."""


def test_a_job_is_routed_metered_and_nothing_is_left(bare: House) -> None:
    kubectl = bare.kubectl
    bare.install()
    bare.tenant_space(SPACE, team="one")
    kubectl.apply(workloads.tenant("one", team="one"))
    host = workloads.PROVIDER_URL.split("/")[2]
    kubectl.apply(workloads.secret("scripted", SPACE, hosts=host, key=KEY))
    kubectl.apply(workloads.job("three-calls", SPACE, "3", "0", workloads.MODEL))
    answers = [json.loads(line) for line in bare.job_done("three-calls", namespace=SPACE).splitlines()]
    assert [answer["status"] for answer in answers] == [200, 200, 200]
    assert {answer["x-ccproxy-target"] for answer in answers} == {f"scripted/{workloads.MODEL}"}
    assert len([call for call in bare.provider_calls() if call["key"] == KEY]) == 3
    totals = wait("three calls in /usage", lambda: _three(bare), timeout_s=30)
    assert totals["tenant"] == "one"
    bare.kubectl.delete("job", "three-calls", namespace=SPACE)
    bare.kubectl.delete("namespace", SPACE)
    bare.chart.uninstall()
    wait("nothing to be left", lambda: not _left(bare), timeout_s=60)


def _three(house: House) -> dict[str, object] | None:
    groups = usage(house.kubectl, group_by="tenant,workload")["groups"]
    found = [group for group in groups if group["workload"] == "Job/three-calls" and group["calls"] == 3]
    return found[0] if found else None


def _left(house: House) -> list[str]:
    """Names of ccproxy's objects that are still there; the definitions stay (they hold what users wrote)."""
    kinds = "all,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,leases,pdb"
    here = house.kubectl("get", kinds, "-n", SYSTEM, "-o", "name").split()
    wide = "mutatingwebhookconfigurations,clusterroles,clusterrolebindings,priorityclasses"
    there = house.kubectl("get", wide, "-o", "name").split()
    own = ("configmap/kube-root-ca.crt", "serviceaccount/default")
    return [name for name in here if name not in own] + [name for name in there if "ccproxy" in name]
