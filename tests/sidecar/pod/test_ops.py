"""The ops port is for probes and scrapes from outside the pod; the data port is for this pod alone."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from ccproxy_contract.names import PATH_HEALTH, PATH_METRICS, PATH_READY, PATH_STATE, PATH_USAGE
from tests.fakes.operator.server import FakeOperator
from tests.fakes.pod import pod_sidecar
from tests.fakes.provider.process import RunningProvider
from tests.fakes.tls_files import Root
from tests.sidecar.pod.slices import pod_slice

KUBELET = {"host": "10.244.0.7:4142"}


async def test_ops_answers_probes_and_scrapes_and_nothing_else(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    async with (
        pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar,
        aiohttp.ClientSession(headers=KUBELET) as session,
    ):
        await operator.acked(first.hash)
        for path in (PATH_HEALTH, PATH_READY, PATH_METRICS):
            async with session.get(sidecar.ops + path) as answer:
                assert answer.status == 200
        for path in (PATH_STATE, PATH_USAGE, "/", "/v1/messages", "/v1/models", "/ccproxy/v1/originals/x"):
            async with session.get(sidecar.ops + path) as answer:
                assert answer.status == 404
            async with session.post(sidecar.ops + path, data=b"{}") as answer:
                assert answer.status == 404
        async with session.get(sidecar.url + PATH_STATE) as answer:
            assert answer.status == 403  # the data port is the loopback's


@pytest.mark.parametrize("path", [PATH_STATE])
async def test_the_state_tells_a_pods_own_programs_how_new_its_configuration_is(
    operator: FakeOperator, provider: RunningProvider, root: Root, tmp_path: Path, path: str
) -> None:
    operator.offer = last = pod_slice(provider.url, retired=True)
    async with (
        pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem) as sidecar,
        aiohttp.ClientSession() as session,
    ):
        await operator.acked(last.hash)
        async with session.get(sidecar.url + path) as answer:
            state = await answer.json()
    assert (state["snapshot"], state["retired"], state["connected"], state["age_s"]) == (last.hash, True, True, 0.0)
