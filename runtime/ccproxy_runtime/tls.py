"""TLS contexts that follow their files: a certificate is renewed without a restart and without a dropped connection.

Must not issue certificates (the operator does). Next: `issuer_keys.py`.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from pathlib import Path

from ccproxy_runtime.logs import logger

RELOAD_S = 5.0
"""How often to look for renewed files; kubelet itself takes up to a minute to bring them."""
_log = logger("tls")


def server_context(folder: Path) -> ssl.SSLContext:
    """For a listener: `tls.crt` and `tls.key` in `folder`, as a Secret of type kubernetes.io/tls mounts them.

    Raises: `OSError` (missing), `ssl.SSLError` (do not fit each other).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


async def follow_certificate(context: ssl.SSLContext, folder: Path, *, poll_s: float = RELOAD_S) -> None:
    """Until cancelled: load renewed files into `context`; new connections use them, open ones go on."""
    seen = _stamp(folder)
    while True:
        await asyncio.sleep(poll_s)
        stamp = _stamp(folder)
        if stamp is None or stamp == seen:
            continue
        try:
            context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        except (OSError, ssl.SSLError) as error:  # half of a renewal: the old one stays, the next look tries again
            _log.warning("certificate_not_taken", reason=type(error).__name__)
            continue
        seen = stamp
        _log.info("certificate_renewed")


def client_context(*roots: str) -> ssl.SSLContext:
    """For connecting to another ccproxy process: trusts these PEM roots and nothing else. Raises: `ssl.SSLError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for root in roots:
        if root:
            context.load_verify_locations(cadata=root)
    return context


@lru_cache(maxsize=8)
def shared_context(*roots: str) -> ssl.SSLContext:
    """`client_context`, made once for the same roots: connection pools know a context by its identity."""
    return client_context(*roots)


def _stamp(folder: Path) -> tuple[tuple[int, int], ...] | None:
    """Changes when kubelet swaps the files (it replaces the folder behind a link)."""
    try:
        found = [(folder / name).stat() for name in ("tls.crt", "tls.key")]
    except OSError:
        return None
    return tuple((file.st_mtime_ns, file.st_ino) for file in found)
