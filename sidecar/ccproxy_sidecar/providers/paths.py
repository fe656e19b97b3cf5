"""What a client's raw path and query may become inside a provider's URL.

A path can never climb out of the base URL it is put behind: dot segments are resolved as a browser does, also when
they hide behind percent-escapes. Must not know providers. Next: `anthropic.py`, then `table.py`.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ccproxy_contract.names import PLACEHOLDER_KEY

_plain_path = re.compile(r"(?:/[\w~:@=+,;$!*'()-][\w.~:@=+,;$!*'()-]*)+", re.ASCII).fullmatch
_version = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?(?=/|$)", re.ASCII).match
_stray_percent = re.compile(r"%(?![0-9A-Fa-f]{2})")
_slashes = re.compile(r"[/\\]")

_SEGMENT_SAFE = "%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _SEGMENT_SAFE + '/?[]{}|^`"<>'
KEY_PARAMETERS = frozenset({"key", "$key", "access_token", "oauth_token", "api_key", "api-key"})
"""Query parameters that carry a client's credential. Source: Google's system parameters, cloud.google.com/apis/docs/
system-parameters (`key`, `access_token`), 2026-11; the others are what gateways accept in their place."""


def safe_path(path: str) -> str:
    """The path with dot segments resolved, empty segments dropped and everything unsafe percent-encoded."""
    if _plain_path(path):
        return path
    kept: list[str] = []
    for segment in _slashes.split(path):
        parts = _slashes.split(_decoded(segment))
        if parts == [".."]:
            kept[-1:] = []
        elif segment and not {".", ".."}.intersection(parts):
            kept.append(quote(_stray_percent.sub("%25", segment), safe=_SEGMENT_SAFE, errors="replace"))
    return "/" + "/".join(kept)


def _decoded(segment: str) -> str:
    """Percent-escapes resolved until nothing changes: a server behind a server may decode more than once."""
    for _ in range(4):
        decoded = unquote(segment)
        if decoded == segment:
            break
        segment = decoded
    return segment


def without_v1(path: str) -> str:
    """The path after a leading `/v1`, however often a client's base URL repeated it."""
    while path == "/v1" or path.startswith("/v1/"):
        path = path[3:]
    return path


def with_version(path: str, default: str) -> str:
    """The path as sent when it names a version of its own (`/v1beta/…`), else `default` before it."""
    return path if _version(path) else default + path


def safe_query(query: str, *, keep_key: bool) -> str:
    """`?query` with what could end a request line percent-encoded; empty for an empty one.

    Without `keep_key` parameters that carry a client's key are left out; a placeholder is, whoever asks.
    """
    if not query:
        return ""
    query = "&".join(pair for pair in query.split("&") if _goes_on(pair, keep_key=keep_key))
    return "?" + quote(query, safe=_QUERY_SAFE, errors="replace") if query else ""


def _goes_on(pair: str, *, keep_key: bool) -> bool:
    name, _, value = pair.partition("=")
    if unquote(name) not in KEY_PARAMETERS:
        return True
    return keep_key and unquote(value) != PLACEHOLDER_KEY
