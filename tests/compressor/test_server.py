"""The compressor as a process: TLS, tokens of its own audience only, bounds, probes, metrics."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from ccproxy_compressor.work import Work
from ccproxy_contract.compress import CompressAnswer, applied
from ccproxy_contract.names import AUDIENCE_COMPRESSOR, AUDIENCE_LEDGER, PATH_COMPRESS
from tests.conftest import free_port
from tests.runtime.issuing import Key, claims, publishing, signed

SECRET = "a word that no log may hold"
LOG = "trying again\n" * 50


class Running:
    """A compressor process and how to speak to it."""

    def __init__(self, folder: Path, key: Key, port: int, ops_port: int) -> None:
        self.key = key
        self.url = f"https://127.0.0.1:{port}{PATH_COMPRESS}"
        self.ops = f"http://127.0.0.1:{ops_port}"
        self.trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))

    async def ask(self, body: Any, *, audience: str = AUDIENCE_COMPRESSOR) -> tuple[int, bytes]:
        """POST a request with a token of this audience."""
        headers = {"authorization": "Bearer " + signed(claims(audience=audience), self.key)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, json=body, headers=headers, ssl=self.trust) as answer,
        ):
            return answer.status, await answer.read()

    async def look(self, path: str) -> tuple[int, str]:
        """GET from the plain port."""
        async with aiohttp.ClientSession() as session, session.get(self.ops + path) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def compressor(folder: Path, **environment: str) -> AsyncIterator[Running]:
    key = Key("one")
    async with publishing(folder, key) as api:
        port, ops_port = free_port(), free_port()
        account = folder / "account"
        account.mkdir()
        (account / "token").write_text("the-pods-own-token")
        (account / "ca.crt").write_bytes((folder / "ca.crt").read_bytes())
        environment |= {
            "CCPROXY_TLS": str(folder), "CCPROXY_API_SERVER": api.server.url, "CCPROXY_HOST": "127.0.0.1",
            "CCPROXY_PORT": str(port), "CCPROXY_OPS_PORT": str(ops_port), "CCPROXY_SERVICE_ACCOUNT": str(account),
        }  # fmt: skip
        process = _started(folder / "log", environment)
        running = Running(folder, key, port, ops_port)
        try:
            await _until_ready(running, process)
            yield running
        finally:
            process.terminate()
            assert process.wait(15) == 0
        said = (folder / "log").read_text()
        assert SECRET not in said
        assert "Traceback" not in said


def _started(log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ccproxy_compressor"]
    with log.open("wb") as said:
        return subprocess.Popen(command, env=os.environ | environment, stdout=said, stderr=said)


async def _until_ready(running: Running, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the compressor ended"
        try:
            status, _ = await running.look("/readyz")
        except aiohttp.ClientError:
            status = 0
        if status == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the compressor did not get ready")


def request_of(*texts: str, mode: str = "Lossless") -> dict[str, Any]:
    segments = [{"id": str(number), "kind": "Log", "text": text} for number, text in enumerate(texts)]
    return {"mode": mode, "segments": segments}


async def test_segments_come_back_with_what_can_go(tmp_path: Path) -> None:
    async with compressor(tmp_path) as running:
        status, body = await running.ask(request_of(LOG, SECRET))
        answer = msgspec.json.decode(body, type=CompressAnswer)
        assert (status, answer.tokenizer) == (200, "o200k_base")
        assert applied(LOG, answer.segments[0].folds) == "trying again\n[49 more identical lines]\n"
        assert answer.segments[1].folds == ()
        _, metrics = await running.look("/metrics")
        assert 'ccproxy_compress_segments_total{outcome="folded"} 1' in metrics
        assert SECRET not in metrics


async def test_only_tokens_of_its_own_audience_are_good(tmp_path: Path) -> None:
    async with compressor(tmp_path) as running:
        assert (await running.ask(request_of(LOG), audience=AUDIENCE_LEDGER))[0] == 401
        async with aiohttp.ClientSession() as session, session.post(running.url, ssl=running.trust) as answer:
            assert answer.status == 401


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"mode": "Lossless"}, 400, "segments"),
        (request_of(LOG, mode="Select"), 422, "planned"),
        (request_of(LOG) | {"algo": "lossless-99"}, 422, "lossless-1"),
        ({"mode": "Lossless", "segments": request_of(LOG)["segments"] * 2}, 422, "same id"),
        (request_of("x" * 5000), 413, "bytes"),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(tmp_path: Path, body: Any, status: int, word: str) -> None:
    async with compressor(tmp_path, CCPROXY_MAX_BODY_BYTES="4096") as running:
        answered, said = await running.ask(body)
        assert answered == status
        assert word in said.decode()


async def test_more_than_it_can_hold_is_told_to_come_back(tmp_path: Path) -> None:
    async with compressor(tmp_path, CCPROXY_QUEUE="1") as running:
        body = request_of(*(LOG + str(number) for number in range(400)))
        answers = await asyncio.gather(*(running.ask(body) for _ in range(6)))
        assert {status for status, _ in answers} == {200, 503}


async def test_work_is_bounded_by_bytes_too() -> None:
    work = Work(threads=1, places=10, max_bytes=10)
    assert await work.done(lambda: "small", 10) == "small"
    assert await work.done(lambda: "large", 11) is None
    assert (work.refused, work.held, work.held_bytes) == (1, 0, 0)
    work.close()


def test_a_missing_setting_is_named() -> None:
    done = subprocess.run([sys.executable, "-m", "ccproxy_compressor"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CCPROXY_TLS is not set" in done.stderr
