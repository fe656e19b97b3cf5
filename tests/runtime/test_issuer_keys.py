"""The cluster's keys: asked of the API server with the pod's own token, kept in a file, never lost to an outage."""

from __future__ import annotations

from pathlib import Path

from ccproxy_runtime.issuer_keys import IssuerKeys
from tests.runtime.issuing import Key, publishing, write_certificate

FIRST, SECOND = Key("first", "ES256"), Key("second", "ES256")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_keys_and_issuer_come_from_the_api_server(tmp_path: Path) -> None:
    async with publishing(tmp_path, FIRST) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=Clock())
        assert keys.published is None
        assert await keys.refresh()
        assert keys.published == api.published


async def test_with_the_api_server_away_the_last_good_keys_hold_also_over_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "issuer.json"
    async with publishing(tmp_path, FIRST) as api:
        keys = IssuerKeys(api.server, kept=kept, clock_s=Clock())
        assert await keys.refresh()
        api.down = True
        assert not await keys.refresh()
        assert keys.published == api.published
        assert keys.failures == 1
        restarted = IssuerKeys(api.server, kept=kept, clock_s=Clock())
        assert restarted.published == api.published
        assert not await restarted.refresh()
        assert restarted.published == api.published


async def test_an_unreadable_file_is_as_good_as_none(tmp_path: Path) -> None:
    kept = tmp_path / "issuer.json"
    kept.write_text('{"issuer": 4}')
    async with publishing(tmp_path, FIRST) as api:
        keys = IssuerKeys(api.server, kept=kept, clock_s=Clock())
        assert keys.published is None
        assert await keys.refresh()
        assert IssuerKeys(api.server, kept=kept, clock_s=Clock()).published == api.published


async def test_an_answer_without_keys_does_not_replace_good_ones(tmp_path: Path) -> None:
    async with publishing(tmp_path, FIRST) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=Clock())
        assert await keys.refresh()
        before = keys.published
        api.keys.clear()
        assert not await keys.refresh()
        assert keys.published is before


async def test_a_server_with_a_certificate_of_another_root_is_not_believed(tmp_path: Path) -> None:
    async with publishing(tmp_path, FIRST) as api:
        (tmp_path / "another").mkdir()
        write_certificate(tmp_path / "another")
        (tmp_path / "ca.crt").write_text((tmp_path / "another" / "ca.crt").read_text())
        keys = IssuerKeys(api.server, kept=None, clock_s=Clock())
        assert not await keys.refresh()
        assert keys.published is None
        assert api.asked == 0


async def test_looking_again_is_paced_by_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    async with publishing(tmp_path, FIRST) as api:
        keys = IssuerKeys(api.server, kept=None, clock_s=clock)
        await keys.look_again()
        api.keys.append(SECOND)
        await keys.look_again()
        assert api.asked == 1
        clock.now_s += 5
        await keys.look_again()
        assert keys.published == api.published
