"""One cluster for the whole run; the chart is installed for all tests but those that install it themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e.clusters import why_not
from e2e.house import House, house

TEST_S = 300
"""Of one test; bringing images and cluster up is not part of it, each of its commands has a limit of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test of this folder its time."""
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.timeout(TEST_S, func_only=True))


@pytest.fixture(scope="session")
def bare() -> Iterator[House]:
    """The cluster with images and provider, without ccproxy."""
    reason = why_not()
    if reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have a cluster: {reason}")
        pytest.skip(reason)
    with house() as made:
        yield made


@pytest.fixture(scope="module")
def installed(bare: House) -> House:
    """The cluster with ccproxy, as a fresh install would leave it: another file may have changed or uninstalled it."""
    bare.install()
    return bare
