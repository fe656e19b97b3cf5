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


def test_a_pods_settings_are_read() -> None:
    of_pod = {
        "CCPROXY_OPERATOR_URL": "wss://ccproxy-operator.ccproxy-system.svc:4145/",
        "CCPROXY_ROOT_CERTIFICATE": "PEM",
        "CCPROXY_POD": "shop/coder-1",
        "CCPROXY_OPS_HOST": "0.0.0.0",
        "CCPROXY_NO_CONFIG": "pass",
        "CCPROXY_GRACE_MS": "55000",
    }
    settings = settings_from_environment(NEEDED | of_pod)
    assert settings.operator_url == "wss://ccproxy-operator.ccproxy-system.svc:4145"
    assert (settings.tokens, settings.ops_port) == (Path("/var/run/secrets/ccproxy"), 4142)
    assert (settings.no_config, settings.grace_s, settings.pod) == ("pass", 55.0, "shop/coder-1")


def test_a_wish_for_calls_before_the_first_snapshot_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="CCPROXY_NO_CONFIG='maybe' is neither hold nor pass"):
        settings_from_environment(NEEDED | {"CCPROXY_NO_CONFIG": "maybe"})


def test_a_laptop_has_no_operator_and_no_ops_port() -> None:
    settings = settings_from_environment(NEEDED)
    assert (settings.operator_url, settings.ops_host, settings.no_config) == ("", "", "hold")
