"""Who may ask what: a bearer token for writing, a token or this machine's loopback for reading.

A page of a foreign site must not read the ledger through the user's browser (DNS rebinding), so on the loopback Host
and Origin must be this machine's. Must not answer requests itself. Next: `server.py`.
"""

from __future__ import annotations

from aiohttp import web

from ccproxy_runtime.loopback import is_loopback, origin_is_loopback
from ccproxy_runtime.token import bearer_matches


def may_write(request: web.Request, token: bytes) -> bool:
    """Does the request carry the ledger's token?"""
    return bearer_matches(request.headers.get("authorization"), token)


def may_read(request: web.Request, token: bytes) -> bool:
    """Does it carry the token, or come from a program on this machine?"""
    if may_write(request, token):
        return True
    origin = request.headers.get("origin")
    return (
        is_loopback(request.remote or "")
        and is_loopback(request.headers.get("host", ""))
        and (origin is None or origin_is_loopback(origin))
    )
