"""Owners that a pod names: nobody has looked at those names, so they must lead nowhere else."""

from __future__ import annotations

import json

import pytest

from ccproxy_operator.api import Api, ApiRefused, access_from, is_name, path_of
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.distributor.questions import Questions
from ccproxy_operator.events import About, Telling
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "i"}]}}},
}


def job_of_a_cron_job(cluster: ControlPlane, namespace: str) -> None:
    cluster.kubectl("create", "cronjob", "nightly", "-n", namespace, "--image=i", "--schedule=0 0 1 1 *")
    uid = cluster.kubectl("get", "cronjob", "nightly", "-n", namespace, "-o", "jsonpath={.metadata.uid}").stdout
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": uid, "controller": True}
    cluster.apply(json.dumps(JOB | {"metadata": {"name": "j", "namespace": namespace, "ownerReferences": [owner]}}))


async def test_a_pods_owner_is_looked_for_in_its_own_namespace_whatever_it_is_called(cluster: ControlPlane) -> None:
    foreign, own = new_namespace(cluster, "foreign"), new_namespace(cluster, "own")
    job_of_a_cron_job(cluster, foreign)
    api = Api(await access_from(cluster.kubeconfig))
    try:
        questions = Questions(api, namespace="ccproxy-system", own="o")
        owners = Cluster(api).owner_references
        assert await questions.job(foreign, "j") is not None
        assert [one["name"] for one in await owners("Job", "j", foreign)] == ["nightly"]
        for name in (f"x/../../../{foreign}/jobs/j", f"../../{foreign}/jobs/j", "..", "j?x", "j/status", "%2e%2e"):
            assert await questions.job(own, name) is None
            assert await owners("Job", name, own) == []
    finally:
        await api.close()


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "a#b", "a%2fb", "A", "a" * 254])
def test_no_path_is_made_of_what_is_no_name(name: str) -> None:
    with pytest.raises(ApiRefused, match="NotFound"):
        path_of("v1", "pods", "blue", name=name)


@pytest.mark.parametrize("name", ["x/../../y", "Fancy_Owner", "..", "coder-6bcd", "x" * 300])
def test_an_event_about_any_owner_has_a_name(name: str) -> None:
    made = Telling(About("v1", "Thing", "blue", name, "u"), "RepairFailed", "m").name
    assert is_name(made)
