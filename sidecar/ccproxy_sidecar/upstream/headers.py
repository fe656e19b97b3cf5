"""Which headers cross the proxy: hop-by-hop ones end here, credentials are the backend's, the rest is kept.

Must not decide on a target. Next: `pool.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from multidict import CIMultiDict

from ccproxy_contract.names import HEADER_PREFIX
from ccproxy_contract.snapshot import Backend
from ccproxy_sidecar.providers.auth import CREDENTIAL_HEADERS, is_placeholder

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "trailers", "transfer-encoding", "upgrade"}
)  # fmt: skip
# The HTTP client sets these itself. Answers come back unencoded, so that they can be followed and always decode.
_OURS_UPSTREAM = frozenset({"host", "content-length", "accept-encoding", "expect"})
# The body was decoded and is framed anew.
_OURS_DOWNSTREAM = frozenset({"content-length", "content-encoding"})
_NEVER_UPSTREAM = _HOP_BY_HOP | _OURS_UPSTREAM
_NEVER_DOWNSTREAM = _HOP_BY_HOP | _OURS_DOWNSTREAM
_PLAIN_CONNECTION = frozenset({"keep-alive", "close", ""})


def upstream_headers(
    headers: Mapping[str, str],
    backend: Backend,
    auth: tuple[tuple[str, str], ...],
    *,
    account_headers: frozenset[str] = frozenset(),
) -> CIMultiDict[str]:
    """The client's headers as the backend shall see them, with `auth`.

    `account_headers` name the client's own account at the provider: they go with the client's key, or not at all.
    """
    own_key = backend.credential.kind != "PassThrough"
    kept = _kept(headers, _never_with_key(account_headers) if own_key else _NEVER_UPSTREAM)
    if not own_key:
        _drop_placeholders(kept)
    kept["accept-encoding"] = "identity"
    for name, value in backend.headers.items():
        kept[name] = value
    for name, value in auth:
        kept[name] = value
    return kept


def downstream_headers(headers: Mapping[str, str], added: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The provider's headers as the client shall see them, with ccproxy's own."""
    kept = _kept(headers, _NEVER_DOWNSTREAM)
    for name, value in added:
        kept[name] = value
    return kept


def _kept(headers: Mapping[str, str], dropped: frozenset[str]) -> CIMultiDict[str]:
    """`headers` without the dropped ones, those that Connection names, and ccproxy's own."""
    connection = headers.get("connection", "").lower()
    if connection not in _PLAIN_CONNECTION:
        dropped = dropped | _named(connection)
    kept: CIMultiDict[str] = CIMultiDict()
    spelt: dict[str, str] = {}  # one spelling for each name: the HTTP client takes two for a change of mind
    for name, value in headers.items():
        lower = name.lower()
        if lower not in dropped and not lower.startswith(HEADER_PREFIX):
            kept.add(spelt.setdefault(lower, name), value)
    return kept


def _drop_placeholders(kept: CIMultiDict[str]) -> None:
    """A client with a login and a placeholder sends both; only the login is its own."""
    for name in CREDENTIAL_HEADERS:
        values = kept.getall(name, ())
        if any(is_placeholder(value) for value in values):
            spelt = next(key for key in kept if key.lower() == name)
            del kept[name]
            kept.extend((spelt, value) for value in values if not is_placeholder(value))


@cache
def _never_with_key(account_headers: frozenset[str]) -> frozenset[str]:
    return _NEVER_UPSTREAM | CREDENTIAL_HEADERS | account_headers


def _named(connection: str) -> frozenset[str]:
    """Headers that a Connection header declares hop-by-hop (RFC 9110 §7.6.1)."""
    return frozenset(token.strip() for token in connection.split(","))
