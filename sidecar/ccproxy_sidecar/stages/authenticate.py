"""Stage 1: who calls. Closed on failure.

On the loopback every caller may call; the client's key is only noted, because a PassThrough backend sends it on. Keys
of tenants join here with the issue that brings them. Must not log a key. Next: `classify.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.providers.auth import is_placeholder
from ccproxy_sidecar.providers.paths import KEY_PARAMETERS

_BEARER = "bearer "
_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")


def authenticate(call: Call) -> None:
    """Note the client's key; a placeholder is no key, wherever it stands."""
    keys = (*keys_from(call.headers), *_keys_in_query(call.query))
    call.client_key = next((key for key in keys if not is_placeholder(key)), None)


def keys_from(headers: Mapping[str, str]) -> Iterator[str]:
    """The keys that a client sent: `Authorization: Bearer` and `X-API-Key` both count, then Gemini's and Azure's."""
    authorization = headers.get("authorization")
    if authorization is not None and authorization[:7].lower() == _BEARER and (key := authorization[7:].strip()):
        yield key
    for name in _KEY_HEADERS:
        if value := headers.get(name):
            yield value


def _keys_in_query(query: str) -> list[str]:
    if "=" not in query:
        return []
    return [value for name, value in parse_qsl(query) if name in KEY_PARAMETERS]
