"""One control plane per test process, for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server."""
    with control_plane(tmp_path_factory.mktemp("cluster") / "state") as running:
        yield running
