"""The sidecar's environment: defaults, and what is wrong said by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccproxy_sidecar.settings import settings_from_environment

NEEDED = {"CCPROXY_SNAPSHOT": "/s.json", "CCPROXY_SPOOL": "/spool"}


def test_two_paths_are_enough() -> None:
    settings = settings_from_environment(NEEDED)
    assert (settings.port, settings.host, settings.ledger_url) == (4141, "127.0.0.1", "")
    assert settings.snapshot == Path("/s.json")


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_missing_path_is_named(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        settings_from_environment({k: v for k, v in NEEDED.items() if k != missing})


@pytest.mark.parametrize("bad", ["4141x", "-1", "1.5", "٣"])
def test_a_port_that_is_no_number_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match="CCPROXY_PORT"):
        settings_from_environment(NEEDED | {"CCPROXY_PORT": bad})
