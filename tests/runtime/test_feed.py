"""A followed file: every good content once, every problem once, never half a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.feed import load, watch_file
from tests.waiting import until


def number(raw: bytes) -> int:
    text = raw.decode()
    if set(text) != {text[0]} or len(text) != 20_000:
        raise ValueError(f"half a file: {len(text)}")
    return int(text[0])


def content(digit: int) -> bytes:
    return str(digit).encode() * 20_000


class Heard:
    def __init__(self) -> None:
        self.values: list[int] = []
        self.problems: list[str] = []


@asynccontextmanager
async def following(path: Path) -> AsyncIterator[Heard]:
    heard = Heard()
    watching = watch_file(
        path, decode=number, on_change=heard.values.append, on_problem=heard.problems.append, poll_s=0.001
    )
    task = asyncio.create_task(watching)
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_content_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    atomic_write(path, content(1))
    async with following(path) as heard:
        await until(lambda: heard.values == [1])
        atomic_write(path, content(2))
        await until(lambda: heard.values == [1, 2])
        await asyncio.sleep(0.02)
        assert heard.values == [1, 2]
        assert heard.problems == []


async def test_a_bad_content_is_a_problem_and_the_next_good_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    atomic_write(path, content(1))
    async with following(path) as heard:
        await until(lambda: heard.values == [1])
        atomic_write(path, b"12")
        await until(lambda: heard.problems == ["snapshot.json: half a file: 2"])
        await asyncio.sleep(0.02)
        atomic_write(path, content(3))
        await until(lambda: heard.values == [1, 3])
        assert len(heard.problems) == 1


async def test_a_missing_file_is_told_once_and_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    async with following(path) as heard:
        await until(lambda: heard.problems == ["snapshot.json: No such file or directory"])
        await asyncio.sleep(0.02)
        atomic_write(path, content(4))
        await until(lambda: heard.values == [4])
        path.unlink()
        await until(lambda: len(heard.problems) == 2)
        atomic_write(path, content(4))
        await until(lambda: heard.values == [4, 4])


async def test_a_file_that_is_replaced_all_the_time_is_never_seen_half_written(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    atomic_write(path, content(1))

    def replace() -> None:
        for turn in range(300):
            atomic_write(path, content(turn % 9 + 1), durable=False)

    async with following(path) as heard:
        writer = threading.Thread(target=replace)
        writer.start()
        await until(lambda: not writer.is_alive())
        last = int(path.read_bytes()[:1])
        await until(lambda: heard.values[-1] == last)
        assert heard.problems == []
        assert len(heard.values) > 2


def test_the_first_read_answers_a_value_or_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    assert load(path, number).problem == "accounts.json: No such file or directory"
    path.write_bytes(b"1")
    assert load(path, number).problem == "accounts.json: half a file: 1"
    path.write_bytes(content(7))
    assert (load(path, number).value, load(path, number).problem) == (7, "")
