"""Connections that say nothing, or never all of it, are closed; and every server of ours sees to that."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from ccproxy_runtime.serving import app_runner

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nhost: x\r\nx-slow:"], ids=["nothing", "half-a-head"])
async def test_a_connection_that_brings_no_request_is_closed(said: bytes) -> None:
    runner = app_runner(web.Application(), drain_s=1.0, idle_s=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(said)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("package", ["operator", "ledger", "compressor"])
def test_no_server_that_pods_reach_waits_for_an_hour(package: str) -> None:
    """The smoke test's provider is asked by one pod that is its own."""
    sources = [path for path in (REPOSITORY / package).rglob("*.py") if "smoke" not in path.parts]
    assert sources
    assert [path.name for path in sources if "web.AppRunner(" in path.read_text()] == []
