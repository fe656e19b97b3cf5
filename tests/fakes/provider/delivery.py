"""Sends an answer, and lets happen what was told to go wrong. The only file that touches the connection.

Must not choose what to say. Next: `server.py`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterator

import msgspec
from aiohttp import web

from tests.fakes.provider.answer import Answer, Frame
from tests.fakes.provider.faults import Fault
from tests.fakes.provider.records import Seen

GARBAGE = bytes(range(128, 256)) * 4
LINGER_NONE = struct.pack("ii", 1, 0)
"""Closing then sends RST instead of FIN."""


class _Over(Exception):
    """The fault has happened: nothing more is to be sent."""


class Delivery:
    """One answer on its way out."""

    def __init__(self, request: web.Request, *, answer: Answer, fault: Fault, seen: Seen, broken: Frame) -> None:
        self._request = request
        self._answer = answer
        self._fault = fault
        self._seen = seen
        self._broken = broken
        """The dialect's own event for a stream that broke."""
        self._squeeze = _compressor(fault.encoding)
        self._left = fault.after
        self._response = web.StreamResponse(status=answer.status)

    async def send(self) -> web.StreamResponse:
        """Send all of it, or as much as the fault allows. The record says how it went."""
        fault, seen = self._fault, self._seen
        try:
            if fault.slow_first:
                await asyncio.sleep(fault.slow_first)
            if fault.reset and fault.after < 0 and fault.events < 0:
                await self._break()
            await self._head()
            await self._frames()
            seen.outcome = "finished"
        except _Over:
            seen.outcome = "fault"
        except (ConnectionError, asyncio.CancelledError):
            seen.outcome = "client gone"
            raise
        return self._response

    async def _head(self) -> None:
        headers = self._response.headers
        headers.update(self._answer.headers)
        headers["content-type"] = self._fault.content_type or self._answer.content_type
        if self._fault.encoding:
            headers["content-encoding"] = self._fault.encoding
        if not self._answer.streams and not self._fault.encoding:
            self._response.content_length = sum(len(frame.data) for frame in self._answer.frames)
        await self._response.prepare(self._request)
        self._seen.status = self._answer.status

    async def _frames(self) -> None:
        for number, frame in enumerate(self._answer.frames):
            if number == self._fault.events and self._fault.ends:
                await self._write(frame.data[: len(frame.data) // 2] if self._fault.reset else b"")
                await self._break()
            if number and self._fault.slow_chunk:
                await asyncio.sleep(self._fault.slow_chunk)
            await self._write(frame.data)
            self._seen.charged = self._answer.charged(number + 1)
        if self._squeeze is not None:
            await self._response.write(self._squeeze.flush())
        if self._fault.ends:
            await self._break()
        await self._response.write_eof()

    async def _write(self, data: bytes) -> None:
        """Write, as far as `after` allows."""
        over = self._fault.ends and 0 <= self._left <= len(data)
        if over:
            data = data[: self._left]
        self._left -= len(data) if self._left >= 0 else 0
        for piece in _recut(data, self._fault.split):
            out = piece if self._squeeze is None else self._squeeze.compress(piece) + self._flushed()
            if out:
                await self._response.write(out)
                self._seen.sent_bytes += len(out)
        if over:
            await self._break()

    def _flushed(self) -> bytes:
        return b"" if self._squeeze is None else self._squeeze.flush(zlib.Z_SYNC_FLUSH)

    async def _break(self) -> None:
        """Let the fault happen. Always raises."""
        fault = self._fault
        if fault.silence:
            await asyncio.Event().wait()
        if fault.garbage:
            await self._response.write(GARBAGE)
        if fault.error_event:
            await self._response.write(self._broken.data)
        if fault.reset:
            self._drop(reset=True)
        elif self._answer.streams:
            await self._response.write_eof()
        else:
            self._drop(reset=False)
        raise _Over

    def _drop(self, *, reset: bool) -> None:
        transport = self._request.transport
        if transport is None:
            return
        if reset:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            transport.abort()
        else:
            transport.close()


def altered(answer: Answer, fault: Fault) -> Answer:
    """The answer as a fault changes its content: without usage, or very long."""
    if fault.no_usage:
        frames = tuple(_without_usage(frame) for frame in answer.frames)
        answer = msgspec.structs.replace(answer, frames=tuple(frame for frame in frames if frame.data))
    size = sum(len(frame.data) for frame in answer.frames)
    if fault.huge > size:
        answer = msgspec.structs.replace(answer, frames=_padded(answer, fault.huge - size))
    return answer


def _padded(answer: Answer, blanks: int) -> tuple[Frame, ...]:
    """JSON allows blanks before its end, a stream comments between its events."""
    *first, last = answer.frames
    if not answer.streams:
        return (*first, Frame(last.data[:-1] + b" " * blanks + last.data[-1:], last.output_tokens))
    line = b": " + b"x" * 4_093 + b"\n\n"
    return (answer.frames[0], *(Frame(line, bill=False) for _ in range(blanks // len(line) + 1)), *answer.frames[1:])


def _without_usage(frame: Frame) -> Frame:
    """The frame with every `usage` member gone; a chunk that only counts vanishes."""
    lines = [_line_without_usage(line) for line in frame.data.split(b"\n")]
    if any(line is None for line in lines):
        return Frame(b"")
    return Frame(b"\n".join(line for line in lines if line is not None), frame.output_tokens, frame.bill)


def _line_without_usage(line: bytes) -> bytes | None:
    start = line.find(b"{")
    if start < 0 or b'"usage' not in line:
        return line
    value = msgspec.json.decode(line[start:])
    if value.get("choices") == []:
        return None
    for holder in (value, value.get("message"), value.get("response")):
        if isinstance(holder, dict):
            holder.pop("usage", None)
            holder.pop("usageMetadata", None)
    return line[:start] + msgspec.json.encode(value)


def _recut(data: bytes, width: int) -> Iterator[bytes]:
    if not width:
        yield data
        return
    yield from (data[at : at + width] for at in range(0, len(data), width))


def _compressor(encoding: str) -> zlib._Compress | None:
    wbits = {"gzip": 31, "deflate": 15}.get(encoding)
    return None if wbits is None else zlib.compressobj(wbits=wbits)
