"""What ccproxy knows about a provider: where its APIs live, how it takes a key, which habits it has.

A profile is a value; the files beside this one hold one each. Must not open connections. Next: `paths.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from ccproxy_contract.snapshot import Backend, DialectName, Provider
from ccproxy_sidecar.providers import paths
from ccproxy_sidecar.providers.auth import Headers

OPENAI_DIALECTS: Final[tuple[DialectName, ...]] = ("openai-chat", "openai-responses", "openai-embeddings")


class ProviderProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. Prefixes stand between an origin and a dialect's paths: `/v1` + `/chat/completions`."""

    name: Provider
    dialects: tuple[DialectName, ...]
    """Wire formats that the provider itself documents."""
    authenticate: Callable[[str, DialectName], Headers]
    default_url: str = ""
    """Base URL of the public service; empty when there is none."""
    openai_prefix: str = "/v1"
    messages_prefix: str = "/v1"
    endings: tuple[str, ...] = ("/v1",)
    """What a base URL may end in that is a dialect's prefix and not the user's own path; longest first."""
    stream_usage: bool
    """Takes `stream_options.include_usage` on Chat; without it streams of most servers end without usage."""
    user_limit: int | None = None
    """Longest `user` (Messages: `metadata.user_id`) in characters; `None`: no limit known."""
    user_pattern: str = ""
    """What a `user` must match as a whole; empty: anything."""
    drop_headers: frozenset[str] = frozenset()
    """Client headers that belong to the client's own account: left out when the backend has a key of its own."""

    not_served: tuple[str, ...] = ()
    """How names start that the public price list has under this provider and its API does not serve."""

    def url(self, backend: Backend, *, dialect: DialectName, path: str, query: str) -> str:
        """Where a client's call to `path` goes at `backend`: always inside the backend's base URL.

        `path` and `query` are raw. A client's key in the query goes on only to a backend that passes keys through.
        """
        asked = paths.safe_path(path)
        gemini = dialect == "gemini-generate"
        asked = paths.with_version(asked, "/v1beta") if gemini else paths.without_v1(asked)
        keep_key = not gemini or backend.credential.kind == "PassThrough"
        return self.api_root(backend.url, dialect) + asked + paths.safe_query(query, keep_key=keep_key)

    def api_root(self, base_url: str, dialect: DialectName) -> str:
        """The URL that the dialect's version-less paths are put behind.

        A base URL with a path that is no known prefix is taken as OpenAI's SDK takes it: paths follow directly.
        """
        scheme, _, rest = base_url.rstrip("/").partition("://")
        host, slash, path = rest.partition("/")
        path = slash + path
        root = self._without_ending(path)
        if path and root == path and (dialect in OPENAI_DIALECTS or path.endswith("/v1")):
            root = path.removesuffix("/v1") if dialect == "gemini-generate" else path
            return f"{scheme}://{host}{root}"
        return f"{scheme}://{host}{root}{self._prefix(dialect)}"

    def _without_ending(self, path: str) -> str:
        for ending in self.endings:
            if path.endswith(ending):
                return path.removesuffix(ending)
        return path

    def _prefix(self, dialect: DialectName) -> str:
        if dialect == "anthropic-messages":
            return self.messages_prefix
        return "" if dialect == "gemini-generate" else self.openai_prefix

    def auth(self, key: str, dialect: DialectName) -> Headers:
        """Header pairs that carry `key`; none for an empty key."""
        return self.authenticate(key, dialect)
