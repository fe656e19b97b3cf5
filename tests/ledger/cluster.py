"""Ledger processes as they run on a cluster: TLS, tokens of a real issuer, accounts by a real stream, one Postgres."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from ccproxy_contract.accounts import Accounts, TenantAccount, accounts_bytes, sealed_accounts
from ccproxy_contract.events import Batch, UsageEvent, decode_ack, encode_batch
from ccproxy_contract.names import AUDIENCE_CONFIG, AUDIENCE_LEDGER, PATH_ACCOUNTS
from ccproxy_contract.stream import Ack, Hello, Reject, Slice, up_from_bytes, word_bytes
from ccproxy_runtime.tls import client_context, server_context
from tests.conftest import free_port
from tests.ledger.sending import BOOK
from tests.runtime.issuing import Api, Key, claims, publishing, signed

SYSTEM = "ccproxy-system"
MONTH = {"from": "2026-11-01", "to": "2026-11-30"}
Header = dict[str, str]


def accounts(**namespaces: str) -> Accounts:
    """Sealed accounts; names use `_` for `-`."""
    placed = {name.replace("_", "-"): tenant for name, tenant in namespaces.items()}
    tenants = tuple(TenantAccount(name=name) for name in sorted(set(placed.values())))
    return sealed_accounts(Accounts(tenants=tenants, namespaces=placed, book=BOOK))


class Operator:
    """The operator's accounts stream: a WebSocket over TLS that says what the contract says."""

    def __init__(self) -> None:
        self.offer = accounts(team_a="acme", team_b="globex")
        self.answers: list[Ack | Reject] = []
        self.seen: list[Hello] = []
        self.tokens: set[str] = set()
        self.port = 0
        self._open: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        self.tokens.add(request.headers["authorization"])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._open.add(socket)
        async for message in socket:
            said = up_from_bytes(message.data)
            if isinstance(said, Hello):
                self.seen.append(said)
                await self.say(socket, self.offer.hash, accounts_bytes(self.offer))
            else:
                self.answers.append(said)
        self._open.discard(socket)
        return socket

    async def say(self, socket: web.WebSocketResponse, hash: str, content: bytes) -> None:
        await socket.send_str(word_bytes(Slice(hash=hash, content=msgspec.Raw(content))).decode())

    async def publish(self, new: Accounts, *, content: bytes = b"") -> None:
        """To everybody who listens; `content` in place of the true one."""
        self.offer = new
        for socket in self._open:
            await self.say(socket, new.hash, content or accounts_bytes(new))

    async def hang_up(self) -> None:
        for socket in list(self._open):
            await socket.close()


class House:
    """All that ledgers of one cluster share."""

    def __init__(self, folder: Path, api: Api, key: Key, operator: Operator, database: str) -> None:
        self.folder = folder
        self.api = api
        self.key = key
        self.operator = operator
        self.database = database
        self.root = (folder / "ca.crt").read_text()
        self.processes: list[Process] = []
        (folder / "tokens").mkdir()
        (folder / "tokens" / AUDIENCE_CONFIG).write_text("the-token-for-the-operator")

    def header(self, namespace: str = "team-a", *, audience: str = AUDIENCE_LEDGER, pod: str = "coder-1") -> Header:
        return {"authorization": f"Bearer {signed(claims(audience=audience, namespace=namespace, pod=pod), self.key)}"}

    @property
    def reader(self) -> Header:
        return self.header(SYSTEM, pod="")

    def process(self, role: str, name: str, **settings: str) -> Process:
        found = Process(self, role, name, settings)
        self.processes.append(found)
        return found


class Process:
    """`python -m ccproxy_ledger` in a role; may be killed and started again on the same volume."""

    def __init__(self, house: House, role: str, name: str, settings: dict[str, str]) -> None:
        self.volume = house.folder / name
        self.volume.mkdir(exist_ok=True)
        self.port, self.ops_port = free_port(), free_port()
        self.url, self.ops = f"https://localhost:{self.port}", f"http://localhost:{self.ops_port}"
        self._process: subprocess.Popen[bytes] | None = None
        api = house.api.server
        self.settings = {
            "CCPROXY_LEDGER_ROLE": role,
            "CCPROXY_NAMESPACE": SYSTEM,
            "CCPROXY_POD": f"{SYSTEM}/{name}",
            "CCPROXY_TLS": str(house.folder),
            "CCPROXY_LEDGER_SPOOL": str(self.volume / "spool"),
            "CCPROXY_DATABASE_URL": house.database,
            "CCPROXY_OPERATOR_URL": f"wss://localhost:{house.operator.port}",
            "CCPROXY_TOKENS": str(house.folder / "tokens"),
            "CCPROXY_API_SERVER": api.url,
            "CCPROXY_SERVICE_ACCOUNT": str(house.folder),
            "CCPROXY_ISSUER_FILE": str(self.volume / "issuer.json"),
            "CCPROXY_LEDGER_HOST": "127.0.0.1",
            "CCPROXY_LEDGER_PORT": str(self.port),
            "CCPROXY_OPS_PORT": str(self.ops_port),
            **settings,
        }

    def start(self) -> Process:
        with (self.volume / "log").open("ab") as log:
            command = [sys.executable, "-m", "ccproxy_ledger"]
            self._process = subprocess.Popen(command, env={**os.environ, **self.settings}, stderr=log)
        return self

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(30)

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(30)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def log(self) -> str:
        return (self.volume / "log").read_text()


class Client:
    """Speaks TLS to the ledgers of a house, trusting its root alone."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self._house = house
        self._session = session

    async def get(self, url: str, *, headers: Header | None = None, **asked: str) -> tuple[int, Any]:
        async with self._session.get(url, headers=headers, params=asked) as answer:
            return answer.status, await answer.json()

    async def text(self, url: str) -> str:
        async with self._session.get(url) as answer:
            return await answer.text()

    async def until_ready(self, *processes: Process) -> None:
        for process in processes:
            for _ in range(600):
                try:
                    if (await self.get(f"{process.ops}/readyz"))[0] == 200:
                        break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
            else:
                raise AssertionError(f"not ready: {process.log[-2000:]}")

    async def post(self, process: Process, events: list[UsageEvent], headers: Header) -> tuple[int, bytes]:
        body = encode_batch(Batch(src=events[0].src, events=tuple(events)))
        async with self._session.post(f"{process.url}/v1/events", data=body, headers=headers) as answer:
            return answer.status, await answer.read()

    async def deliver(self, process: Process, events: list[UsageEvent], headers: Header) -> None:
        """Once, by a ledger that is up. Raises `AssertionError` when it is not acknowledged whole."""
        status, body = await self.post(process, events, headers)
        assert status == 200, body
        assert decode_ack(body).seq == events[-1].seq

    async def usage(self, process: Process, **asked: str) -> dict[str, Any]:
        status, answer = await self.get(f"{process.url}/usage", headers=self._house.reader, **{**MONTH, **asked})
        assert status == 200, answer
        return dict(answer)

    async def until_calls(self, process: Process, calls: int, **asked: str) -> dict[str, Any]:
        for _ in range(400):
            answer = await self.usage(process, **asked)
            if answer["total"]["calls"] >= calls:
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError(f"{answer['total']['calls']} of {calls} calls")


@asynccontextmanager
async def house(folder: Path, database: str) -> AsyncIterator[tuple[House, Client]]:
    """An issuer, an operator and a folder for ledgers; ends whatever was started in it."""
    key = Key("the-key", "ES256")
    async with publishing(folder, key) as api, _operator(folder) as operator:
        built = House(folder, api, key, operator, database)
        connector = aiohttp.TCPConnector(ssl=client_context(built.root))
        try:
            async with aiohttp.ClientSession(connector=connector) as session:
                yield built, Client(built, session)
        finally:
            for process in built.processes:
                process.end()


@asynccontextmanager
async def _operator(folder: Path) -> AsyncIterator[Operator]:
    operator = Operator()
    app = web.Application()
    app.router.add_get(PATH_ACCOUNTS, operator.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(folder)).start()
    operator.port = runner.addresses[0][1]
    try:
        yield operator
    finally:
        await operator.hang_up()
        await runner.cleanup()
