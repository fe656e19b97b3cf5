"""The three kinds and one replica that all tests share which do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccproxy_operator.webhook.configuration import NAME
from tests.cluster.control_plane import ControlPlane
from tests.cluster.operator.replicas import Replica, install_kinds, replica
from tests.cluster.reached import new_namespace


@pytest.fixture(scope="module", autouse=True)
def _no_webhook_stays(cluster: ControlPlane) -> Iterator[None]:
    """A leader makes the webhook and leaves it when it is stopped; the next tests' pods would wait for its injector."""
    yield
    cluster.kubectl("delete", "mutatingwebhookconfiguration", NAME, "--ignore-not-found")


@pytest.fixture(scope="module")
def system(cluster: ControlPlane) -> str:
    """A system namespace of its own, with the kinds installed."""
    install_kinds(cluster)
    return new_namespace(cluster, "system")


@pytest.fixture(scope="module")
def running(cluster: ControlPlane, system: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """One replica, ready."""
    with replica(cluster, system, "operator-0", tmp_path_factory.mktemp("operator")) as one:
        yield one
