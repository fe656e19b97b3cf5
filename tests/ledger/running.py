"""A real ledger process, its environment, and a sender that does what a sidecar does: repeat until acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from ccproxy_contract.accounts import Accounts, TenantAccount, accounts_bytes, sealed_accounts
from ccproxy_contract.events import Batch, UsageEvent, decode_ack, encode_batch
from ccproxy_runtime.atomic import atomic_write
from tests.conftest import free_port
from tests.ledger.sending import BOOK

TOKEN = "a-token-of-the-test"


class Ledger:
    """`python -m ccproxy_ledger` in a folder; may be killed and started again."""

    def __init__(self, home: Path, *, database_url: str = "") -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pgdata = home / "pg"
        self.settings = {
            "CCPROXY_ACCOUNTS": str(home / "accounts.json"),
            "CCPROXY_LEDGER_TOKEN_FILE": str(home / "token"),
            "CCPROXY_LEDGER_SPOOL": str(home / "spool"),
            "CCPROXY_LEDGER_PORT": str(self.port),
            "CCPROXY_PGDATA": str(self.pgdata),
            "CCPROXY_DATABASE_URL": database_url,
        }
        self._process: subprocess.Popen[bytes] | None = None
        atomic_write(home / "token", TOKEN.encode())
        self.write_accounts()

    def write_accounts(self, *tenants: str) -> None:
        accounts = Accounts(tenants=tuple(TenantAccount(name=name) for name in tenants), book=BOOK)
        atomic_write(self.home / "accounts.json", accounts_bytes(sealed_accounts(accounts)))

    def start(self) -> None:
        with (self.home / "log").open("ab") as log:
            command = [sys.executable, "-m", "ccproxy_ledger"]
            self._process = subprocess.Popen(command, env={**os.environ, **self.settings}, stderr=log)

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(30)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_postmaster(self) -> None:
        pid = int((self.pgdata / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(30)

    def end(self) -> None:
        """Whatever it does now, it is gone after this."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()


class Client:
    """Talks to a ledger that may be away."""

    def __init__(self, ledger: Ledger, session: aiohttp.ClientSession) -> None:
        self._ledger = ledger
        self._session = session
        self._headers = {"authorization": f"Bearer {TOKEN}"}

    async def get(self, path: str, **parameters: str) -> tuple[int, Any]:
        async with self._session.get(self._ledger.url + path, params=parameters) as answer:
            return answer.status, await answer.json()

    async def until_ready(self) -> None:
        for _ in range(600):
            try:
                if (await self.get("/readyz"))[0] == 200:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
        raise AssertionError(f"the ledger is not ready: {self._ledger.log[-2000:]}")

    async def post(self, events: list[UsageEvent]) -> tuple[int, bytes]:
        body = encode_batch(Batch(src=events[0].src, events=tuple(events)))
        async with self._session.post(f"{self._ledger.url}/v1/events", data=body, headers=self._headers) as answer:
            return answer.status, await answer.read()

    async def deliver(self, events: list[UsageEvent]) -> int:
        """Send until acknowledged, whatever happens to the ledger."""
        while True:
            try:
                status, body = await self.post(events)
                if status == 200 and (ack := decode_ack(body)).seq >= events[-1].seq:
                    return ack.seq
                assert status in (200, 503), body
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)

    async def until_calls(self, calls: int) -> dict[str, Any]:
        """The day's total once it holds `calls`."""
        found: dict[str, Any] = {}
        for _ in range(400):
            status, answer = await self.get("/usage", **{"from": "2026-11-01", "to": "2026-11-30"})
            found = answer
            if status == 200 and answer["total"]["calls"] >= calls:
                break
            await asyncio.sleep(0.05)
        return found
