"""How servers that pods can reach hold connections: one that says nothing, or half of a request, is closed.

A TLS connection costs some 50 KB here, a client nothing; the library's own patience is an hour. Must not know
applications. Next: `stopping.py`.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

IDLE_S: Final = 30.0
"""Longer than our own clients keep an idle connection (15 s), so that the server is not first."""


def app_runner(application: web.Application, *, drain_s: float, idle_s: float = IDLE_S, **more: Any) -> web.AppRunner:
    """A runner without an access log; `drain_s` is what open requests get at the end. `more`: as the library has it."""
    return web.AppRunner(application, access_log=None, shutdown_timeout=drain_s, keepalive_timeout=idle_s, **more)
