"""How a provider is told its key: lower-case header pairs, one function per habit.

Must not log or keep a key. Next: `profile.py`.
"""

from __future__ import annotations

from typing import Final

from ccproxy_contract.names import PLACEHOLDER_KEY
from ccproxy_contract.snapshot import DialectName

Headers = tuple[tuple[str, str], ...]

CREDENTIAL_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)
"""A client's headers that carry a credential: none of them goes on unless the backend passes the client's key."""


def is_placeholder(value: str) -> bool:
    """Does a header or parameter carry what clients send because their SDK insists on a key? With or without Bearer."""
    return value.strip().rpartition(" ")[2] == PLACEHOLDER_KEY


def bearer(key: str, dialect: DialectName) -> Headers:  # noqa: ARG001 (every habit answers the same question)
    """The same header in every dialect."""
    return _bearer(key)


def anthropic(key: str, dialect: DialectName) -> Headers:  # noqa: ARG001
    """An API key in `x-api-key`; a login's access token (`sk-ant-oat…`) as Bearer.

    Source: docs.anthropic.com API overview; apis.md §1.2 (ANTHROPIC_AUTH_TOKEN), 2026-11.
    """
    return _bearer(key) if key.startswith("sk-ant-oat") else _named("x-api-key", key)


def azure(key: str, dialect: DialectName) -> Headers:  # noqa: ARG001
    """A resource key in `api-key`; an Entra ID token (a JWT) as Bearer. Source: learn.microsoft.com, 2026-11."""
    return _bearer(key) if key.startswith("eyJ") else _named("api-key", key)


def google(key: str, dialect: DialectName) -> Headers:
    """`x-goog-api-key` in Gemini's own format, Bearer in its OpenAI-compatible one and for OAuth tokens (`ya29.`).

    Source: ai.google.dev/gemini-api/docs, 2026-11.
    """
    if dialect == "gemini-generate" and not key.startswith("ya29."):
        return _named("x-goog-api-key", key)
    return _bearer(key)


def by_dialect(key: str, dialect: DialectName) -> Headers:
    """As the official SDK of the dialect sends an API key: for servers that imitate a whole API."""
    match dialect:
        case "anthropic-messages":
            return anthropic(key, dialect)
        case "gemini-generate":
            return google(key, dialect)
        case _:
            return _bearer(key)


def _bearer(key: str) -> Headers:
    return (("authorization", f"Bearer {key}"),) if key else ()


def _named(name: str, key: str) -> Headers:
    return ((name, key),) if key else ()
