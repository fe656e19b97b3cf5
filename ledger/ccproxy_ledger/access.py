"""Who may ask what: a bearer token for writing, a token or this machine's loopback for reading.

A page of a foreign site must not read the ledger through the user's browser (DNS rebinding), so on the loopback Host
and Origin must be this machine's. Must not answer requests itself. Next: `server.py`.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

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
        _is_loopback(request.remote or "")
        and _is_loopback(_host_name(request.headers.get("host", "")))
        and (origin is None or _is_loopback(_host_name(urlsplit(origin).netloc)))
    )


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
