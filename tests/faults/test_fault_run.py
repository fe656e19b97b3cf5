"""Kills, pauses, cuts and restarts under load; afterwards one row per attempt, and every sum is equal."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ccproxy_contract.money import usd_string
from ccproxy_ledger.audit import audit
from ccproxy_runtime.spool_source import sources
from tests.conftest import PROVING
from tests.fakes.provider.process import running_provider
from tests.faults.house import PROVIDER_KEY, House, running_house
from tests.faults.load import CLIENT_KEY, SECRET_TEXT, Load
from tests.faults.reckoning import Ledger, differences, read_ledger, seen_by_session, summed, tokens_of
from tests.faults.troubles import Troubles

CALLS = 50_000 if PROVING else 5_000
CLIENTS = 32
SEED = 20_261_121
CALLS_BETWEEN = 200
DRAIN_S = 120.0


@pytest.mark.timeout(3_600 if PROVING else 300)
async def test_no_kill_cut_or_restart_loses_or_doubles_an_attempt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started_s = time.monotonic()
    rng = random.Random(SEED)
    with running_provider() as provider:
        async with running_house(tmp_path, provider.url) as house:
            load = Load(house.url, calls=CALLS, clients=CLIENTS, rng=rng)
            troubles = Troubles(house, provider, rng)
            await _under_trouble(load, troubles)
            ledger = await _drained(house)
            seen = seen_by_session(await asyncio.to_thread(provider.settled_calls))
            with capsys.disabled():
                print(f"\n{_told(load, troubles, ledger, time.monotonic() - started_s)}")
            assert differences(ledger, seen, load.tally.answered) == []
            assert await audit(house.database) == []
            await _usage_agrees(house, ledger)
            assert not (house.spool / "rejected").exists()
            assert load.tally.outcomes["hung"] == 0
            assert load.tally.outcomes["http 200"] > CALLS * 3 // 4
            assert len(troubles.happened) == len(troubles.kinds)
            _nothing_told(house)
            assert await asyncio.to_thread(house.sidecar.stop) == 0
            assert await asyncio.to_thread(house.ledger.stop) == 0
            assert house.postmaster() is None


async def _under_trouble(load: Load, troubles: Troubles) -> None:
    making = asyncio.create_task(troubles.run(load, calls_between=CALLS_BETWEEN))
    loading = asyncio.create_task(load.run())
    await asyncio.wait({making, loading}, return_when=asyncio.FIRST_COMPLETED)
    if making.done():  # it never ends by itself
        loading.cancel()
        await making
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    await loading


async def _drained(house: House) -> Ledger:
    """Kill the sidecar a last time, and wait until its successor has handed over all that was left."""
    house.sidecar.end()
    house.ledger.end()
    house.sidecar.start()
    house.ledger.start()
    async with asyncio.timeout(DRAIN_S):
        while True:
            if not sources(house.spool) and await _ledger_idle(house):
                return await read_ledger(house.database)
            await asyncio.sleep(0.1)


async def _ledger_idle(house: House) -> bool:
    """Is it ready, with everything that it took in the database?"""
    try:
        async with aiohttp.ClientSession(house.ledger_url) as session:
            async with session.get("/readyz") as ready:
                if ready.status != 200:
                    return False
            async with session.get("/metrics") as answer:
                figures = dict(line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[:1] != "#")
    except aiohttp.ClientError:
        return False
    return float(figures["ccproxy_ledger_lag_seconds"]) == 0


async def _usage_agrees(house: House, ledger: Ledger) -> None:
    """`/usage`, asked through the sidecar, tells the sums of the rows, by whatever it is grouped."""
    rows = [row for rows in ledger.rows.values() for row in rows]
    cost_pusd = sum(row.cost_pusd or 0 for row in rows)
    assert cost_pusd > 0
    for group_by in ("backend,model", "rule,agent,hour"):
        answer = await _usage(house, group_by)
        total = answer["total"]
        assert (total["attempts"], total["calls"]) == (len(rows), sum(row.attempt == 1 for row in rows))
        assert tokens_of(answer) == summed(ledger)
        assert Decimal(total["cost"]) == Decimal(usd_string(cost_pusd))
        assert sum(group["attempts"] for group in answer["groups"]) == len(rows)
        assert (answer["missing_events"], answer["open_attempts"]) == (0, 0)


async def _usage(house: House, group_by: str) -> dict[str, Any]:
    asked = {"from": "2026-01-01", "group_by": group_by}
    async with aiohttp.ClientSession() as session, session.get(f"{house.url}/usage", params=asked) as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


def _nothing_told(house: House) -> None:
    logged = house.logged()
    assert "serving" in logged
    for secret in (SECRET_TEXT, PROVIDER_KEY, CLIENT_KEY, "the-token-of-this-run"):
        assert secret not in logged
    assert "Traceback" not in logged


def _told(load: Load, troubles: Troubles, ledger: Ledger, took_s: float) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(troubles.happened.items()))
    rows = [row for rows in ledger.rows.values() for row in rows]
    orphans = sum(row.quality == "orphan" for row in rows)
    ends = ", ".join(f"{count} {outcome}" for outcome, count in sorted(load.tally.outcomes.items()))
    return f"{load.calls} calls ({ends}); {kinds}; {len(rows)} rows, {orphans} orphans; {took_s:.0f} s"
