"""Background tasks end with their block, and which names mean this machine."""

from __future__ import annotations

import asyncio

import pytest

from ccproxy_runtime.background import background
from ccproxy_runtime.loopback import is_loopback, origin_is_loopback


async def test_a_task_ends_with_its_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with background(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_task_that_breaks_is_told_and_does_not_break_the_block(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("a prompt that nobody may log")

    async with background(work()):
        await asyncio.sleep(0.01)
    assert "task_broke" in caplog.text
    assert "prompt" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "::1", "[::1]:80", "localhost:1", "a.localhost"])
def test_this_machine_has_many_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[bad", "10.0.0.1:80", "localhost.evil.example", "::2"])
def test_other_names_are_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("origin", "ours"), [("http://localhost:3000", True), ("null", False), ("https://x.example", False)]
)
def test_an_origin_is_judged_by_its_host(origin: str, ours: bool) -> None:
    assert origin_is_loopback(origin) is ours
