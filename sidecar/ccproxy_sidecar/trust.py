"""Whom a sidecar in a pod believes: the root it was injected with, and the next one once the snapshot announces it.

Must not trust the system's roots: those sign the whole internet. Next: `configuration.py`.
"""

from __future__ import annotations

import ssl
from functools import lru_cache

from ccproxy_runtime.tls import client_context, shared_context
from ccproxy_sidecar.live import Live


class Trust:
    """`root`: PEM. The answers follow the snapshot that runs."""

    def __init__(self, root: str, live: Live) -> None:
        self._root = root
        self._live = live

    def roots(self) -> tuple[str, ...]:
        """PEM roots; the second one may be empty."""
        program = self._live.program
        return self._root, program.snapshot.next_root if program is not None else ""

    def context(self) -> ssl.SSLContext:
        """For the next connection. Raises: `ssl.SSLError` when a root is no certificate."""
        return shared_context(*self.roots())


@lru_cache(maxsize=4)
def is_root(pem: str) -> bool:
    """Is it a certificate (or nothing)? One that is not would keep us from connecting ever again."""
    try:
        client_context(pem)
    except (ssl.SSLError, ValueError):
        return False
    return True
