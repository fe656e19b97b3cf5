"""Which names mean this machine: the guard of laptop listeners against foreign Hosts and Origins (DNS rebinding).

Must not resolve a name. Next: `token.py`.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Does a Host header's value (`name`, `name:port`, `[::1]:port`) or a bare address name this machine's loopback?"""
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin_is_loopback(origin: str) -> bool:
    """The same for an Origin header's value (`http://localhost:3000`); `null` is nobody's."""
    return is_loopback(urlsplit(origin).netloc)


def _name(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
