"""Stage 1: who calls. Closed on failure.

On a laptop every caller on the loopback may call; the client's key is only noted, because a PassThrough backend sends
it on. Keys of tenants join here with the issue that brings them. Must not log a key. Next: `classify.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from ccproxy_contract.names import PLACEHOLDER_KEY
from ccproxy_sidecar.call import Call

_BEARER = "bearer "


def authenticate(call: Call) -> None:
    """Note the client's key; a placeholder is no key."""
    key = key_from(call.headers) or _key_in_query(call.query)
    call.client_key = key if key != PLACEHOLDER_KEY else None


def key_from(headers: Mapping[str, str]) -> str | None:
    """The key that a client sent: `X-API-Key` and `Authorization: Bearer` both count, then Gemini's and Azure's."""
    authorization = headers.get("authorization")
    if authorization is not None and authorization[:7].lower() == _BEARER:
        return authorization[7:].strip() or None
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or headers.get("api-key")


def _key_in_query(query: str) -> str | None:
    if "key=" not in query:
        return None
    return parse_qs(query).get("key", [None])[0]
