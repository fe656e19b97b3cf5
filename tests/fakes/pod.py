"""A sidecar process as a pod has it: operator and ledger by address, tokens in a folder, last good file, ops port.

Must not reach into the process: it is started, spoken to and ended. Next: `operator/server.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from ccproxy_contract.names import AUDIENCE_CONFIG, AUDIENCE_LEDGER, PATH_HEALTH
from tests.conftest import free_port

START_S = 20.0
WAIT_S = 20.0


class PodSidecar:
    """A sidecar whose memory volume, disk volume and tokens outlive its process, as in a pod."""

    def __init__(self, folder: Path, *, operator_url: str, root: str, **environment: str) -> None:
        """`environment` adds CCPROXY_* variables by their full names."""
        self.port, self.ops_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ops = f"http://127.0.0.1:{self.ops_port}"
        self.folder = folder
        self.snapshot, self.spool = folder / "memory" / "snapshot.json", folder / "disk" / "spool"
        self.tokens, self.log = folder / "tokens", folder / "sidecar.log"
        self.process: asyncio.subprocess.Process | None = None
        for made in (self.snapshot.parent, self.spool.parent, self.tokens):
            made.mkdir(parents=True, exist_ok=True)
        for audience in (AUDIENCE_CONFIG, AUDIENCE_LEDGER):
            (self.tokens / audience).write_text(f"token-for-{audience}")
        self.environment = {
            "CCPROXY_OPERATOR_URL": operator_url,
            "CCPROXY_ROOT_CERTIFICATE": root,
            "CCPROXY_TOKENS": str(self.tokens),
            "CCPROXY_SNAPSHOT": str(self.snapshot),
            "CCPROXY_SPOOL": str(self.spool),
            "CCPROXY_PORT": str(self.port),
            "CCPROXY_OPS_HOST": "127.0.0.1",
            "CCPROXY_OPS_PORT": str(self.ops_port),
            "CCPROXY_POD": "shop/coder-1",
            "CCPROXY_LOG_LEVEL": "debug",
            "CCPROXY_EXIT_WITH_PARENT": str(os.getpid()),
            **environment,
        }

    async def start(self, *, boot: tuple[str, ...] = ("-m", "ccproxy_sidecar")) -> None:
        """Start (again) and wait until it is healthy. Raises `RuntimeError` with its log when it does not come up."""
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *boot, env={**os.environ, **self.environment}, stdout=out, stderr=out
            )
        try:
            await self.until(PATH_HEALTH, 200)
        except TimeoutError:
            raise RuntimeError(f"the sidecar did not come up:\n{self.log.read_text()[-4000:]}") from None

    async def until(self, path: str, status: int) -> None:
        """Wait until the ops port answers `path` with `status`. Raises `TimeoutError`."""
        async with asyncio.timeout(WAIT_S):
            while await self.status(path) != status:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def status(self, path: str) -> int:
        """The ops port's answer; 0 when nobody listens."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.ops + path) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def metric(self, name: str) -> float:
        """The sum of a metric's series on the ops port."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.ops}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    async def stopped(self) -> int:
        """Its exit code, once it has ended. Raises `TimeoutError`."""
        assert self.process is not None
        async with asyncio.timeout(40):
            return await self.process.wait()

    def logged(self, event: str) -> bool:
        return f'"event":"{event}"' in self.log.read_text()


@asynccontextmanager
async def pod_sidecar(folder: Path, *, operator_url: str, root: str, **environment: str) -> AsyncIterator[PodSidecar]:
    """A started one; ended by force afterwards, if it still runs."""
    sidecar = PodSidecar(folder, operator_url=operator_url, root=root, **environment)
    try:
        await sidecar.start()
        yield sidecar
    finally:
        if sidecar.process is not None and sidecar.process.returncode is None:
            await sidecar.kill()
