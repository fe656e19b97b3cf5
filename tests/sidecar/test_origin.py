"""Foreign Hosts and Origins are refused on the loopback."""

from __future__ import annotations

import pytest

from ccproxy_sidecar.origin import foreign


@pytest.mark.parametrize("host", ["127.0.0.1:4141", "localhost", "localhost:1", "[::1]:41", "127.8.8.8", "a.localhost"])
def test_this_machine_may_call(host: str) -> None:
    assert foreign({"host": host}) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "10.0.0.1:4", "[::2]", "[bad", "0.0.0.0"]
)
def test_other_hosts_are_refused(host: str) -> None:
    problem = foreign({"host": host})
    assert problem is not None
    assert problem.status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.nip.example", "file://"])
def test_pages_of_other_sites_are_refused(origin: str) -> None:
    assert foreign({"host": "localhost:4141", "origin": origin}) is not None


def test_pages_of_this_machine_may_call() -> None:
    assert foreign({"host": "localhost:4141", "origin": "http://localhost:3000"}) is None
