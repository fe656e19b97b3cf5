"""One API server per test process; every file of this folder finds it empty and leaves it so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.control_plane import ControlPlane, control_plane
from tests.cluster.leftovers import clear, until_gone, wide_objects


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The process's own; tests ask for `cluster`."""
    with control_plane(tmp_path_factory.mktemp("cluster") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def its_own(api_server: ControlPlane) -> list[str]:
    """What it has before any test."""
    return wide_objects(api_server)


@pytest.fixture(scope="module")
def cluster(api_server: ControlPlane, its_own: list[str]) -> Iterator[ControlPlane]:
    """A real API server. What a file makes in it goes at the file's end, but for the kinds."""
    yield api_server
    clear(api_server, its_own)


@pytest.fixture(scope="module")
def settled(cluster: ControlPlane) -> ControlPlane:
    """`cluster` without what is still going: for files with names that others use too, or that look everywhere."""
    until_gone(cluster)
    return cluster
