"""What still has to go out on one connection: the newest frame alone, so that a slow reader costs one frame.

Must not decide what to send. Next: `stream.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from aiohttp import ClientError, WSMsgType, web

CLOSE_S: Final = 2.0
"""How long a client may take to answer a close before its connection is cut."""
FRAGMENT_BYTES: Final = 16_000
"""Below one TLS record. The TLS library's buffer of a connection grows to the largest single write and stays: 108 kB a
connection after slices of 68 kB in one piece, 57 kB in fragments (500 connections, uvloop 0.23, 2026-11-21)."""
LOOK_S: Final = 0.01
MAX_LOOK_S: Final = 0.5
"""Pauses between looks at a connection that does not take its frame; only slow readers are looked at."""


class Outbox:
    """Writes to one WebSocket; when that breaks, the connection is cut, and its reading side ends."""

    def __init__(self, socket: web.WebSocketResponse[bool], transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._newest: bytes | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything that was offered has left this process."""
        return self._newest is None and self._writing is None and self._transport.get_write_buffer_size() == 0

    def offer(self, frame: bytes) -> None:
        """Send `frame` once the connection takes it, in place of what still waits."""
        self._newest = frame
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def ping(self) -> None:
        """Ask for a sign of life; a connection that is still busy with a frame is not asked."""
        if self.idle:
            with contextlib.suppress(ClientError, ConnectionError):  # it ends on its reading side
                await self._socket.ping()

    async def close(self, code: int) -> None:
        """Say goodbye with `code`; a client that does not answer soon is cut off."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=code)
        except TimeoutError:
            self.cut()

    def cut(self) -> None:
        """End the connection without a word."""
        self._transport.abort()

    async def _write(self) -> None:
        try:
            while self._newest is not None:
                frame, self._newest = self._newest, None
                await self._send(frame)
                await self._taken()
        except (ClientError, ConnectionError, RuntimeError):
            self._newest = None
            self.cut()
        finally:
            self._writing = None

    async def _send(self, frame: bytes) -> None:
        """One text message; a long one in fragments, between which pings and closes may go (RFC 6455 5.4)."""
        if len(frame) <= FRAGMENT_BYTES:
            await self._socket.send_frame(frame, WSMsgType.TEXT)
            return
        for start in range(0, len(frame), FRAGMENT_BYTES):
            if self._transport.is_closing():
                raise ConnectionResetError
            self._transport.write(_fragment(frame, start))
            await asyncio.sleep(0)  # what was written leaves at the end of the loop's turn
            await self._taken()

    async def _taken(self) -> None:
        """Wait until the frame has left this process; newer frames replace each other meanwhile."""
        pause_s = LOOK_S
        while self._transport.get_write_buffer_size() and not self._transport.is_closing():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_LOOK_S)


def _fragment(frame: bytes, start: int) -> bytes:
    """A WebSocket frame with the part of a text message that begins at `start`; a server does not mask."""
    part = frame[start : start + FRAGMENT_BYTES]
    last = 0x80 if start + FRAGMENT_BYTES >= len(frame) else 0
    opcode = WSMsgType.TEXT if start == 0 else WSMsgType.CONTINUATION
    length = bytes([len(part)]) if len(part) < 126 else b"\x7e" + len(part).to_bytes(2, "big")
    return bytes([last | opcode]) + length + part
