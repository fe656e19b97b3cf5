"""One fault at a time: a full disk, no database, a killed supervisor. No call suffers, no row is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ccproxy_cli.home import Home
from ccproxy_cli.state import State, running_state
from ccproxy_ledger.audit import audit
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.postgres_leftover import is_postmaster_of, postmaster_pid
from ccproxy_ledger.store import StoreUnavailable
from tests.cli.conftest import child_identity, temporary_home, wait_for
from tests.fakes.provider.process import RunningProvider, running_provider
from tests.faults.house import POLICIES, PROVIDER_KEY, House, running_house
from tests.faults.load import SECRET_TEXT
from tests.faults.reckoning import Ledger, read_ledger
from tests.sidecar.serving.calls import messages, post

WAIT_S = 60.0


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningProvider]:
    with running_provider() as running:
        yield running


@contextlib.asynccontextmanager
async def _serving(home: Path, provider: RunningProvider) -> AsyncIterator[House]:
    """A house whose sidecar answers."""
    async with running_house(home, provider.url) as house:
        await _until(house, "ccproxy_open_streams", at_least=0)
        yield house


async def _call(url: str, times: int = 1) -> None:
    for _ in range(times):
        got = await post(f"{url}/v1/messages", messages(f"say 5 words about {SECRET_TEXT}"))
        assert got.status == 200, got.body


async def _figure(house: House, name: str) -> float | None:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{house.url}/metrics") as answer:
            figures = dict(line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[:1] != "#")
    except aiohttp.ClientError:
        return None
    return float(figures.get(name, 0))


async def _until(house: House, name: str, *, at_least: float) -> None:
    """Wait for a figure of the sidecar's `/metrics`."""
    async with asyncio.timeout(WAIT_S):
        while True:
            figure = await _figure(house, name)
            if figure is not None and figure >= at_least:
                return
            await asyncio.sleep(0.05)


async def _ledger_with(house: House, attempts: int) -> Ledger:
    """The tables, once they hold so many attempts."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with contextlib.suppress(OSError, StoreUnavailable):
                ledger = await read_ledger(house.database)
                if ledger.attempts >= attempts:
                    return ledger
            await asyncio.sleep(0.1)


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 128 KiB at `folder`; skips where that is not allowed."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


async def test_a_full_disk_under_the_spool_stops_no_call_and_loses_no_event(
    tmp_path: Path, provider: RunningProvider
) -> None:
    spool = tmp_path / "sidecar-spool"
    with _small_disk(spool):
        async with _serving(tmp_path, provider) as house:
            house.ledger.stop()
            calls = 0
            while not await _figure(house, "ccproxy_events_waiting"):
                await _call(house.url, 10)
                calls += 10
            await _call(house.url, 20)
            _enlarge(spool)
            house.ledger.start()
            ledger = await _ledger_with(house, calls + 20)
            assert (ledger.attempts, ledger.conflicts) == (calls + 20, 0)
            assert await _figure(house, "ccproxy_events_dropped_total") == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are Linux only")
async def test_a_disk_that_takes_nothing_at_all_stops_no_call_and_loses_no_event(
    tmp_path: Path, provider: RunningProvider
) -> None:
    async with _serving(tmp_path, provider) as house:
        _, most = resource.prlimit(house.sidecar.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(house.sidecar.pid, resource.RLIMIT_FSIZE, (0, most))
        await _call(house.url, 7)  # no room was taken yet: the first event would take it
        assert await _figure(house, "ccproxy_events_waiting") == 14
        resource.prlimit(house.sidecar.pid, resource.RLIMIT_FSIZE, (most, most))
        await _call(house.url, 3)
        ledger = await _ledger_with(house, 10)
        assert (ledger.attempts, ledger.conflicts, ledger.whole) == (10, 0, True)


async def test_while_postgres_is_gone_events_are_taken_and_afterwards_they_are_in_it(
    tmp_path: Path, provider: RunningProvider
) -> None:
    async with _serving(tmp_path, provider) as house:
        house.ledger.stop()
        postgres = EmbeddedPostgres(house.pgdata)
        await postgres.start()
        house.ledger.settings["CCPROXY_DATABASE_URL"] = postgres.url
        house.ledger.start()
        await _call(house.url, 5)
        await _ledger_with(house, 5)
        await postgres.stop()
        await _call(house.url, 20)
        await _until(house, "ccproxy_events_shipped_total", at_least=50)
        async with aiohttp.ClientSession(house.url) as session, session.get("/usage") as answer:
            assert answer.status == 503
            assert "Traceback" not in await answer.text()
        await postgres.start()
        ledger = await _ledger_with(house, 25)
        assert (ledger.attempts, ledger.conflicts, ledger.whole) == (25, 0, True)
        assert await audit(house.database) == []
        house.ledger.stop()
        await postgres.stop()


def _ccproxy(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CCPROXY_HOME": str(home.root), "KEY": PROVIDER_KEY},
    )


def _started(home: Home) -> State:
    done = _ccproxy(home, "start", "--detach", "--port", "0")
    assert done.returncode == 0, done.stderr
    state = running_state(home.state)
    assert state is not None
    return state


def _postmaster(home: Home) -> int | None:
    pid = postmaster_pid(home.pg / "data")
    return pid if pid is not None and is_postmaster_of(pid, home.pg / "data") else None


async def _usage(state: State, calls: int) -> dict[str, Any]:
    """The day's sums, once they hold so many calls."""
    async with asyncio.timeout(WAIT_S), aiohttp.ClientSession(state.address) as session:
        while True:
            async with session.get("/usage", params={"from": "2026-01-01"}) as answer:
                told: dict[str, Any] = await answer.json() if answer.status == 200 else {}
            if told and told["total"]["calls"] >= calls:
                return told
            await asyncio.sleep(0.1)


async def test_after_supervisor_sidecar_and_ledger_were_killed_at_once_the_next_start_goes_on(
    provider: RunningProvider,
) -> None:
    with temporary_home() as home:
        home.create()
        (home.policies / "a.yaml").write_text(POLICIES.format(url=provider.url))
        first = _started(home)
        await _call(first.address, 4)
        await _usage(first, 4)
        await _call(first.address, 3)
        left_over = _killed(home, first)
        second = _started(home)
        await _call(second.address, 2)
        told = await _usage(second, 9)
        assert (told["total"]["calls"], told["total"]["attempts"]) == (9, 9)
        assert (told["missing_events"], told["open_attempts"]) == (0, 0)
        assert _postmaster(home) not in (None, left_over)
        assert _ccproxy(home, "stop").returncode == 0
        logged = "".join(path.read_text(errors="replace") for path in (*home.logs.iterdir(), *home.pg.glob("*.log*")))
        assert [secret for secret in (SECRET_TEXT, PROVIDER_KEY) if secret in logged] == []


def _killed(home: Home, state: State) -> int:
    """Kill all but the postmaster, which then has nobody; its process id."""
    children = [child_identity(home, name) for name in ("ledger", "sidecar")]
    left_over = wait_for(lambda: _postmaster(home))
    for identity in (*children, state.supervisor):
        os.kill(identity.pid, signal.SIGKILL)
    return left_over
