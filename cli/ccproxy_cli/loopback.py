"""Questions to our own processes over loopback HTTP. Never asks anybody else, never through a proxy.

Next: `compiling.py`.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass

import msgspec

from ccproxy_cli.ports import LOOPBACK


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes

    @property
    def json(self) -> object:
        """The decoded body; the text itself when it is no JSON."""
        try:
            decoded: object = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return self.body.decode(errors="replace")
        return decoded


def ask(port: int, path: str, *, timeout_s: float = 5.0) -> Reply | None:
    """GET a path of a process of ours; `None` when nobody answers in time."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Reply(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
