"""One client process of the convergence bench: many sidecars' own way of taking slices, each with its own token.

What runs per stream is the sidecar's: its stream client, decoding, dry-compiling every rule, swapping, writing the last
good file to memory. Shared by the streams of a process, as nothing of it depends on a slice: interpreter, connector,
metrics.
Told its tokens by a file; tells on stdout when all its streams run a new generation. Next: `convergence.py`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import socket
import sys
import time
from pathlib import Path

import aiohttp
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from ccproxy_contract.features import FEATURES
from ccproxy_contract.names import AUDIENCE_CONFIG, PATH_STREAM
from ccproxy_contract.snapshot import Snapshot
from ccproxy_contract.stream import Ack, Reject, Slice
from ccproxy_runtime.config_stream import ConfigStream, Source
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.metrics import Registry
from ccproxy_sidecar.configuration import Configuration, FromOperator
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.metrics import Metrics


class Count:
    """How many streams run which generation."""

    def __init__(self, streams: int) -> None:
        self._streams = streams
        self._running: dict[str, int] = {}
        self._first_s: dict[str, float] = {}
        self.take_s = 0.0

    def took(self, snapshot: Snapshot) -> None:
        assert snapshot.default is not None
        assert snapshot.default.then.route is not None
        generation = str(snapshot.default.then.route.targets[0].model)
        self._first_s.setdefault(generation, time.monotonic())
        self._running[generation] = self._running.get(generation, 0) + 1
        if self._running[generation] == self._streams:
            if generation == "generation-0":
                gc.collect()
                gc.freeze()
            line = {"first_s": self._first_s[generation], "last_s": time.monotonic(), "take_s": self.take_s}
            self.take_s = 0.0
            print(json.dumps({"generation": generation, **line}), flush=True)


class Sidecar:
    """One stream as a sidecar has it."""

    def __init__(self, folder: Path, count: Count, metrics: Metrics) -> None:
        self._count = count
        self._live = Live(custom_rules=False, on_failure=lambda _rule, _reason: None)
        self._taking = FromOperator(
            Configuration(self._live, metrics), live=self._live, metrics=metrics, path=folder / "snapshot.json"
        )

    async def take(self, offer: Slice) -> Ack | Reject:
        started_s = time.thread_time()
        answer = await self._taking.take(offer)
        self._count.take_s += time.thread_time() - started_s
        if isinstance(answer, Ack) and self._live.program is not None:
            self._count.took(self._live.program.snapshot)
        else:
            print(json.dumps({"rejected": answer.reason if isinstance(answer, Reject) else ""}), flush=True)
        return answer


class Loopback(AbstractResolver):
    """Every name is this machine, as a Service's name is its pods."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert family in (socket.AF_INET, socket.AF_UNSPEC)
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to let go of."""


async def main(folder: Path, url: str, root: str) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    gc.set_threshold(50_000, 20, 50)
    tokens = json.loads((folder / "tokens.json").read_text())
    count, metrics = Count(len(tokens)), Metrics(Registry())
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, resolver=Loopback())) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for number, token in enumerate(tokens):
            own = folder / str(number)
            own.mkdir()
            (own / AUDIENCE_CONFIG).write_text(token)
            source = Source(
                url=url,
                path=PATH_STREAM,
                token_file=own / AUDIENCE_CONFIG,
                roots=lambda: (root,),
                features=tuple(sorted(FEATURES)),
                build="bench",
            )
            stream = ConfigStream(
                source,
                take=Sidecar(own, count, metrics).take,
                running=Running(),
                random=random.random,
                clock_s=time.monotonic,
                session=session,
            )
            tasks.create_task(stream.run())
            if number % 5 == 4:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text()))
