"""A root, an operator over TLS and a scripted provider for sidecars that run as in a pod."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.operator.server import FakeOperator, fake_operator
from tests.fakes.provider.process import RunningProvider, running_provider
from tests.fakes.tls_files import Root, made_root


@pytest.fixture(scope="session")
def _provider() -> Iterator[RunningProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(_provider: RunningProvider) -> RunningProvider:
    """A provider that remembers nothing."""
    _provider.reset()
    return _provider


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return made_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def leaf(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root.leaf(tmp_path_factory.mktemp("leaf"), "localhost")


@pytest.fixture
async def operator(leaf: Path) -> AsyncIterator[FakeOperator]:
    async with fake_operator(leaf) as operator:
        yield operator
