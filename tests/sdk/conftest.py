"""Every test of this folder runs twice: straight at the scripted provider, and through a real sidecar process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

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
def _provider() -> Iterator[RunningProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def _sidecar_url(_provider: RunningProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sidecar(laptop_snapshot(_provider.url), tmp_path_factory.mktemp("sidecar")) as sidecar:
        yield sidecar.url


@pytest.fixture(params=["straight", "through ccproxy"])
def endpoint(request: pytest.FixtureRequest, _provider: RunningProvider) -> Endpoint:
    """The provider itself, or ccproxy in front of it (the client's own key is then a placeholder)."""
    _provider.reset()
    if request.param == "straight":
        return Endpoint(_provider.url, PROVIDER_KEY, _provider, through_ccproxy=False)
    return Endpoint(request.getfixturevalue("_sidecar_url"), "ccproxy", _provider, through_ccproxy=True)
