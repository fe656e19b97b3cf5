"""Small calls of every dialect, and how to make them with plain HTTP."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "sk-scripted"}


def messages(text: str = "say 20 words", *, model: str = "claude-opus-5-5", **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}


def chat(text: str = "say 20 words", *, model: str = "gpt-5.1", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def responses(text: str = "say 20 words", *, model: str = "gpt-5.1", **more: Any) -> dict[str, Any]:
    return {"model": model, "input": text, **more}


def gemini(text: str = "say 20 words", **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


PATHS = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/{model}:generateContent",
    "gemini-stream": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
}


class Answered:
    """An answer, read to its end."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def call(self) -> str:
        return self.headers["x-ccproxy-call"]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def post(url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answered:
    """POST and read everything. `body` is sent as it is when it is bytes."""
    async with sending(url, body, headers) as response:
        return Answered(response, await response.read())


@asynccontextmanager
async def sending(
    url: str, body: Any, headers: Mapping[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """POST and hand over the open response."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        session.post(url, data=io.BytesIO(raw), headers={**HEADERS, **(headers or {})}) as response,
    ):
        yield response
