"""Which dialect a path speaks, and what it asks for. Must not look at bodies.

Paths of the providers' own SDKs, with and without `/v1` (a base URL may or may not end in it).
Next: `body.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from ccproxy_contract.snapshot import DialectName
from ccproxy_sidecar.dialects.anthropic_messages import AnthropicMessages
from ccproxy_sidecar.dialects.dialect import Dialect, Operation
from ccproxy_sidecar.dialects.gemini_generate import GeminiGenerate
from ccproxy_sidecar.dialects.openai_chat import OpenAIChat
from ccproxy_sidecar.dialects.openai_embeddings import OpenAIEmbeddings
from ccproxy_sidecar.dialects.openai_responses import OpenAIResponses

DIALECTS: dict[DialectName, Dialect] = {
    "anthropic-messages": AnthropicMessages(),
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(),
    "gemini-generate": GeminiGenerate(),
    "openai-embeddings": OpenAIEmbeddings(),
}
_GEMINI_STREAMING: Dialect = GeminiGenerate(streams=True)


class Located(NamedTuple):
    """Where a request belongs. `path_model`: the model named in the path (Gemini), percent-escapes decoded."""

    dialect: Dialect
    operation: Operation
    path_model: str | None


_POSTS: dict[str, tuple[DialectName, Operation]] = {
    "/messages": ("anthropic-messages", "generate"),
    "/messages/count_tokens": ("anthropic-messages", "count"),
    "/chat/completions": ("openai-chat", "generate"),
    "/completions": ("openai-chat", "generate"),
    "/responses": ("openai-responses", "generate"),
    "/responses/compact": ("openai-responses", "generate"),
    "/embeddings": ("openai-embeddings", "embed"),
}
_GEMINI = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+(?:/[^/:]+)*):(?P<verb>\w+)")
_VERBS: dict[str, Operation] = {
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "count",
    "embedContent": "embed",
    "batchEmbedContents": "embed",
}
_RESPONSE = re.compile(r"/responses/[^/]+(?:/input_items|/cancel)?")


def locate(method: str, path: str, headers: Mapping[str, str]) -> Located | None:
    """The dialect and operation of a request; `path` without query, `headers` case-insensitive or lower-case.

    `None`: no provider has such a path.
    """
    bare = path.removeprefix("/v1")
    if method == "POST" and bare in _POSTS:
        name, operation = _POSTS[bare]
        return Located(DIALECTS[name], operation, None)
    gemini = _GEMINI.fullmatch(path)
    if gemini is not None:
        verb, model = gemini["verb"], unquote(gemini["model"])
        dialect = _GEMINI_STREAMING if verb == "streamGenerateContent" else DIALECTS["gemini-generate"]
        return Located(dialect, _VERBS.get(verb, "other"), model)
    if _RESPONSE.fullmatch(bare) is not None:
        return Located(DIALECTS["openai-responses"], "other", None)
    return _by_prefix(method, path, headers)


def _by_prefix(method: str, path: str, headers: Mapping[str, str]) -> Located | None:
    if path.startswith("/v1beta/"):
        listed = method == "GET" and path == "/v1beta/models"
        return Located(DIALECTS["gemini-generate"], "models" if listed else "other", None)
    if path.startswith(("/v1/messages/", "/messages/")):
        return Located(DIALECTS["anthropic-messages"], "other", None)
    if path in ("/v1/models", "/models") and method == "GET":
        return Located(DIALECTS[_callers_dialect(headers)], "models", None)
    if path.startswith("/v1/") and len(path) > len("/v1/"):
        return Located(DIALECTS[_callers_dialect(headers)], "other", None)
    return None


def _callers_dialect(headers: Mapping[str, str]) -> DialectName:
    """Paths that several providers have are told apart by what their SDKs send."""
    if "anthropic-version" in headers or "anthropic" in headers.get("user-agent", "").lower():
        return "anthropic-messages"
    return "gemini-generate" if "x-goog-api-key" in headers else "openai-chat"
