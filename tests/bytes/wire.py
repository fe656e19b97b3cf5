"""HTTP/1.1 messages as they are on the wire: nothing added, nothing folded, names as they were written.

Must not understand what a message means. Next: `byte_server.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Message:
    """A request or an answer; `body` without its framing."""

    first_line: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name), None)


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next one on a connection; `None` when the other side has ended it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers = tuple((name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines))
    message = Message(first, headers, b"")
    length = message.header("content-length")
    if message.header("transfer-encoding") == "chunked":
        return Message(first, headers, await _chunked(reader))
    return Message(first, headers, await reader.readexactly(int(length)) if length else b"")


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(pieces)


def head_of(first_line: str, headers: Headers) -> bytes:
    """The bytes of a head."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk_of(data: bytes) -> bytes:
    """One chunk of a chunked body; empty data ends the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
