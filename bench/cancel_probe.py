"""`python -m bench.cancel_probe gw,ccproxy`: does a client that leaves stop the provider's work?

Each target is left half a second after the call began: once before the provider answered, once in mid-stream. A
provider that is not told goes on for three seconds and is paid for it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Literal

from bench import places
from bench.building import build
from bench.loading import Rig
from bench.processes import refuse_taken_ports
from bench.target import Target
from bench.targets import all_targets

Phase = Literal["before the answer", "in mid-stream"]
PHASES: tuple[Phase, ...] = ("before the answer", "in mid-stream")
_LEAVE_AFTER_S = 0.5
_WORK_S = 3.0
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = b"data: {}\n\n"


class SlowProvider:
    """Answers one call slowly and notes when its connection was closed."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self.called_s: float | None = None
        self.stopped_s: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.called_s = time.monotonic()
        work = asyncio.create_task(self._work(writer))
        while await reader.read(65536):
            pass
        if not work.done():
            self.stopped_s = time.monotonic()
            work.cancel()
        writer.close()

    async def _work(self, writer: asyncio.StreamWriter) -> None:
        if self._phase == "in mid-stream":
            writer.write(_HEAD)
        for _ in range(int(_WORK_S / 0.2)):
            if self._phase == "in mid-stream":
                writer.write(b"%x\r\n%s\r\n" % (len(_EVENT), _EVENT))
            await asyncio.sleep(0.2)


async def probe(target: Target, port: int, phase: Phase) -> str:
    """What the provider saw, as a sentence."""
    provider = SlowProvider(phase)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", places.BURST_PORT)
    async with server:
        left_s = await _call_and_leave(target, port)
        await asyncio.sleep(_WORK_S)
    if provider.called_s is None:
        return "was never called"
    if provider.stopped_s is None:
        return "worked to the end"
    return f"stopped {provider.stopped_s - left_s:.2f} s after the client left"


async def _call_and_leave(target: Target, port: int) -> float:
    body = (places.BODIES / target.body("1k_stream")).read_bytes()
    head = [f"POST {target.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    head += ["Content-Type: application/json", *target.headers(places.BURST_PORT)]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    await asyncio.sleep(_LEAVE_AFTER_S)
    writer.close()
    return time.monotonic()


def main() -> int:
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else ["gw", "ccproxy"]
    refuse_taken_ports((places.BURST_PORT, places.GATEWAY_PORT))
    build()
    rig = Rig()
    for target in (target for target in all_targets() if target.name in names):
        if reason := target.missing():
            print(f"{target.name}: {reason}")
            continue
        for phase in PHASES:
            with rig.running(target, places.BURST_PORT) as started:
                print(f"{target.name}, left {phase}: provider {asyncio.run(probe(target, started.port, phase))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
