"""All files here work in the same namespaces, which other files use too."""

from __future__ import annotations

import pytest

from tests.cluster.control_plane import ControlPlane


@pytest.fixture(autouse=True)
def _alone(settled: ControlPlane) -> None:
    """Nothing of an earlier file is there."""
