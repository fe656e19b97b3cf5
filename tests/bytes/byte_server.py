"""A provider that keeps every byte it gets and sends the bytes it was told to send.

It knows an answer by the header `x-number` of its request. Must not parse bodies. Next: `answers.py`.
"""

from __future__ import annotations

import asyncio

from tests.bytes.answers import Prepared
from tests.bytes.wire import Message, chunk_of, head_of, read_message

NUMBER = "x-number"


class ByteServer:
    """`received` holds what came, by number."""

    def __init__(self, answers: list[Prepared]) -> None:
        self.received: dict[int, Message] = {}
        self.url = ""
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._serving.values():
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving[serving] = writer
        serving.add_done_callback(self._serving.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await read_message(reader)) is not None:
            number = int(message.header(NUMBER) or -1)
            assert number not in self.received, "a call was made twice"
            self.received[number] = message
            await _send(writer, self._answers[number])
        writer.close()


async def _send(writer: asyncio.StreamWriter, answer: Prepared) -> None:
    framing = ("Transfer-Encoding", "chunked") if answer.chunked else ("Content-Length", str(len(answer.body)))
    writer.write(head_of(f"HTTP/1.1 {answer.status} Whatever", (*answer.headers, framing)))
    for piece in answer.pieces:
        writer.write(chunk_of(piece) if answer.chunked else piece)
        await writer.drain()
        await asyncio.sleep(0)
    if answer.chunked:
        writer.write(chunk_of(b""))
    await writer.drain()
