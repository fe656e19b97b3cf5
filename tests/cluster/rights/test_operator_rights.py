"""The leader's duties with the chart's own rights on a real API server: enough for all of them, and not for more."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from ccproxy_operator.api import Api, ApiRefused, access_from
from ccproxy_operator.certificates.keeper import Certificates
from ccproxy_operator.certificates.served import OwnLeaf
from ccproxy_operator.children.keeper import Children
from ccproxy_operator.children.manifests import Site, Wish
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.events import Recorder
from ccproxy_operator.repair.keeper import Repair
from ccproxy_operator.webhook.configuration import NAME
from ccproxy_operator.webhook.keeper import WebhookKeeper
from ccproxy_policy.kinds.compressor import Compressor
from ccproxy_runtime.metrics import Registry
from tests.chart.rendered import NAMESPACE, objects
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace

RIGHTS = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
WEBHOOK = "mutatingwebhookconfiguration"


@asynccontextmanager
async def as_the_operator(cluster: ControlPlane, folder: Path) -> AsyncIterator[Api]:
    """A client that has the rights of the chart's operator and no others."""
    cluster.kubectl("create", "namespace", NAMESPACE, check=False)
    for one in objects():
        if one["kind"] in RIGHTS and one["metadata"]["name"] in ("ccproxy-operator", "ccproxy-compressor"):
            cluster.apply(json.dumps(one))
    token = cluster.kubectl("-n", NAMESPACE, "create", "token", "ccproxy-operator").stdout.strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    api = Api(await access_from(path))
    try:
        yield api
    finally:
        await api.close()
        cluster.kubectl("delete", WEBHOOK, NAME, "--ignore-not-found")


@pytest.mark.usefixtures("settled")
async def test_the_chart_gives_the_leader_all_that_its_duties_need(cluster: ControlPlane, tmp_path: Path) -> None:
    async with as_the_operator(cluster, tmp_path) as api:
        where, registry = Cluster(api), Registry()
        certificates = Certificates(where, namespace=NAMESPACE, registry=registry)
        await certificates.look()
        cluster.kubectl("-n", NAMESPACE, "delete", "secret", "ccproxy-ledger-tls")
        cluster.kubectl("-n", NAMESPACE, "create", "secret", "generic", "ccproxy-ledger-tls", "--from-literal=x=y")
        await certificates.look()
        own = OwnLeaf(where, namespace=NAMESPACE, folder=tmp_path)
        await own.look()
        assert own.roots

        webhook = WebhookKeeper(where, namespace=NAMESPACE, registry=registry)
        await webhook.look()
        add = '[{"op":"add","path":"/webhooks/1/matchConditions/-","value":{"name":"never","expression":"false"}}]'
        cluster.kubectl("patch", WEBHOOK, NAME, "--type=json", "-p", add)
        await webhook.look()
        await WebhookKeeper(where, namespace=NAMESPACE, registry=Registry(), retired=lambda: True).look()

        site = Site(NAMESPACE, {"Cpu": "compressor:1"})
        children = Children(where, site=site, backends=list, report=print, registry=registry)
        wish = Wish("team-a", "folds", Compressor.model_validate({"engine": "Cpu"}))
        await children.look([wish])
        cluster.kubectl("-n", NAMESPACE, "set", "env", f"deployment/{wish.child_name}", "ADDED=1")
        await children.look([wish])
        await children.look([])

        team = new_namespace(cluster)
        cluster.kubectl("-n", team, "create", "deployment", "app", "--image=a")
        cluster.kubectl("-n", team, "run", "bare", "--image=a", "--annotations=ccproxy.ai/inject=true")
        recorder = Recorder(where, registry=registry, clock=time.time)
        repair = Repair(where, recorder, namespace=NAMESPACE, registry=registry)
        await repair.look()
        told = cluster.kubectl("-n", team, "get", "events", "-o", "jsonpath={.items[*].reason}").stdout
        assert "RepairNotPossible" in told
        assert await where.evict("bare", team, uid="another") == 409


@pytest.mark.usefixtures("settled")
async def test_the_operator_reads_no_other_secret_of_its_namespace_by_name(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    async with as_the_operator(cluster, tmp_path) as api:
        for kind, name in (("Secret", "postgres"), ("MutatingWebhookConfiguration", "another")):
            with pytest.raises(ApiRefused) as refused:
                await Cluster(api).get(kind, name, NAMESPACE if kind == "Secret" else "")
            assert refused.value.status == 403
