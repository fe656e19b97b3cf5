"""Refuses foreign Hosts and Origins on the loopback: a web page must not spend the user's money (DNS rebinding).

Must not decide who pays. Next: `body.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ccproxy_runtime.loopback import is_loopback, origin_is_loopback
from ccproxy_sidecar.dialects.dialect import Problem


def foreign(headers: Mapping[str, str]) -> Problem | None:
    """A problem when Host or Origin names anything but this machine's loopback."""
    host = headers.get("host", "")
    if not is_loopback(host):
        return _refused("Host", "call ccproxy as http://127.0.0.1:PORT or http://localhost:PORT")
    origin = headers.get("origin")
    if origin is not None and not origin_is_loopback(origin):
        return _refused("Origin", "web pages of other sites may not call ccproxy")
    return None


def _refused(header: str, advice: str) -> Problem:
    return Problem(
        status=403, kind="permission", retryable=False, message=f"the {header} header is not this machine's: {advice}"
    )
