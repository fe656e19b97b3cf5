"""Paths to dialects. Must not answer anything itself. Next: `__main__.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from tests.fakes.provider import chat, embeddings, gemini, messages, models, responses
from tests.fakes.provider.answer import Answer, Frame, Incoming, whole
from tests.fakes.provider.asked import Refused

if TYPE_CHECKING:
    from tests.fakes.provider.server import Provider


class Shape(msgspec.Struct, frozen=True):
    """How an API says no: as a body, in a stream, and to a wrong key."""

    error: Callable[[Refused], dict[str, Any]]
    error_event: Callable[[Refused], Frame]
    bad_key: str
    bad_key_status: int = 401


class Route(msgspec.Struct, frozen=True):
    """A path and who answers it."""

    method: str
    path: str
    """A regular expression of the whole path; its named groups are the variable parts."""
    dialect: str
    answer: Callable[[Provider, Incoming], Answer]

    def names(self, path: str) -> Mapping[str, str]:
        found = re.fullmatch(self.path, path)
        return {} if found is None else found.groupdict()


ANTHROPIC = Shape(messages.error, messages.error_event, "invalid x-api-key")
OPENAI = Shape(chat.error, chat.error_event, "Incorrect API key provided. You can find your API key in your settings.")
RESPONSES = Shape(chat.error, responses.error_event, OPENAI.bad_key)
GEMINI = Shape(gemini.error, gemini.error_event, "API key not valid. Please pass a valid API key.", 400)
SHAPES = {
    "openai-responses": RESPONSES,
    "gemini-generate": GEMINI,
    "anthropic-messages": ANTHROPIC,
    "openai-chat": OPENAI,
    "openai-embeddings": OPENAI,
    "openai-models": OPENAI,
}


def _messages(provider: Provider, incoming: Incoming) -> Answer:
    _versioned(incoming)
    return messages.answer(incoming, provider.cache, provider.seed)


def _count(_: Provider, incoming: Incoming) -> Answer:
    _versioned(incoming)
    return messages.count(incoming)


def _chat(provider: Provider, incoming: Incoming) -> Answer:
    return chat.answer(incoming, provider.cache, provider.seed)


def _respond(provider: Provider, incoming: Incoming) -> Answer:
    return responses.answer(incoming, cache=provider.cache, seed=provider.seed, store=provider.store)


def _compact(provider: Provider, incoming: Incoming) -> Answer:
    return responses.compact(incoming, cache=provider.cache, seed=provider.seed, store=provider.store)


def _kept(provider: Provider, incoming: Incoming) -> Answer:
    return responses.kept(incoming, provider.store)


def _delete(provider: Provider, incoming: Incoming) -> Answer:
    return responses.delete(incoming, provider.store)


def _embeddings(_: Provider, incoming: Incoming) -> Answer:
    return embeddings.answer(incoming)


def _generate(provider: Provider, incoming: Incoming) -> Answer:
    return gemini.answer(incoming, provider.cache, provider.seed, stream=False)


def _stream(provider: Provider, incoming: Incoming) -> Answer:
    return gemini.answer(incoming, provider.cache, provider.seed, stream=True)


def _gemini_models(_: Provider, __: Incoming) -> Answer:
    return whole(models.for_gemini())


def _models(_: Provider, incoming: Incoming) -> Answer:
    return whole(models.for_anthropic() if "anthropic-version" in incoming.headers else models.for_openai())


def _versioned(incoming: Incoming) -> None:
    if "anthropic-version" not in incoming.headers:
        raise Refused(400, "anthropic-version: header is required", kind="invalid_request_error")


GEMINI_MODEL = "/v1(?:beta|alpha)?/models/(?P<model>[^/:]+)"

ROUTES = (
    Route("POST", "/v1/messages", "anthropic-messages", _messages),
    Route("POST", "/v1/messages/count_tokens", "anthropic-messages", _count),
    Route("POST", "/v1/chat/completions", "openai-chat", _chat),
    Route("GET", "/v1/models", "openai-models", _models),
    Route("POST", "/v1/responses", "openai-responses", _respond),
    Route("POST", "/v1/responses/compact", "openai-responses", _compact),
    Route("GET", "/v1/responses/(?P<id>[^/]+)", "openai-responses", _kept),
    Route("DELETE", "/v1/responses/(?P<id>[^/]+)", "openai-responses", _delete),
    Route("POST", "/v1/embeddings", "openai-embeddings", _embeddings),
    Route("POST", f"{GEMINI_MODEL}:generateContent", "gemini-generate", _generate),
    Route("POST", f"{GEMINI_MODEL}:streamGenerateContent", "gemini-generate", _stream),
    Route("POST", f"{GEMINI_MODEL}:countTokens", "gemini-generate", lambda _, incoming: gemini.count(incoming)),
    Route("POST", f"{GEMINI_MODEL}:embedContent", "gemini-generate", lambda _, incoming: gemini.embed(incoming)),
    Route("POST", f"{GEMINI_MODEL}:batchEmbedContents", "gemini-generate", lambda _, i: gemini.embed_all(i)),
    Route("GET", "/v1beta/models", "gemini-generate", _gemini_models),
)


def find(method: str, path: str) -> Route | None:
    """The route of a request, `None` when the provider has no such thing."""
    return next((r for r in ROUTES if r.method == method and re.fullmatch(r.path, path)), None)


def shape_of(path: str, route: Route | None) -> Shape:
    """Whose errors fit; an unknown path is answered as the API of its prefix would."""
    if route is not None:
        return SHAPES[route.dialect]
    if path.startswith("/v1beta"):
        return GEMINI
    return ANTHROPIC if path.startswith("/v1/messages") else OPENAI
