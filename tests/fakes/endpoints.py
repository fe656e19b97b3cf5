"""Where an SDK can be pointed: straight at the scripted provider, or at ccproxy in front of it.

Use: `from tests.fakes.endpoints import endpoint, scripted_provider, sidecar_url` in a conftest. Next: `sidecar.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ccproxy_contract.names import PLACEHOLDER_KEY
from tests.fakes.provider.process import RunningProvider, running_provider
from tests.fakes.sidecar import PROVIDER_KEY, laptop_snapshot, running_sidecar


@dataclass(frozen=True)
class Endpoint:
    """What an SDK is pointed at. `url` has no version."""

    url: str
    key: str
    provider: RunningProvider
    through_ccproxy: bool


@pytest.fixture(scope="session")
def scripted_provider() -> Iterator[RunningProvider]:
    """One provider process for the session."""
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def sidecar_url(scripted_provider: RunningProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sidecar process in front of it, without rules."""
    with running_sidecar(laptop_snapshot(scripted_provider.url), tmp_path_factory.mktemp("sidecar")) as sidecar:
        yield sidecar.url


@pytest.fixture(params=["straight", "through ccproxy"])
def endpoint(request: pytest.FixtureRequest, scripted_provider: RunningProvider) -> Endpoint:
    """The provider itself, or ccproxy in front of it (the client's own key is then a placeholder)."""
    scripted_provider.reset()
    if request.param == "straight":
        return Endpoint(scripted_provider.url, PROVIDER_KEY, scripted_provider, through_ccproxy=False)
    url = request.getfixturevalue("sidecar_url")
    return Endpoint(url, PLACEHOLDER_KEY, scripted_provider, through_ccproxy=True)
