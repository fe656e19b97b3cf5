"""What `explain` is given: a JSON body, or a recorded HTTP request with its head. Read without guessing values.

Must not look up anything. Next: `explain_report.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

METHODS = frozenset({b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS"})


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One request as a client sent it. `guessed_path`: the input was a bare body, its shape chose the path."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    guessed_path: bool = False


def recorded(raw: bytes, *, path: str | None, headers: Iterable[str]) -> Recorded:
    """Read the input. `path` and `headers` (`name: value`) from the command line come before what the input holds.

    Raises `ValueError` with a sentence that says what to change.
    """
    request = _from_http(raw) if raw.split(b" ", 1)[0] in METHODS else _from_body(raw, path)
    merged = CIMultiDict(request.headers)
    for line in headers:
        name, value = _header(line)
        merged[name] = value
    target = path if path is not None else request.path + (f"?{request.query}" if request.query else "")
    bare, _, query = target.partition("?")
    if not bare.startswith("/"):
        raise ValueError(f"path {bare!r} does not begin with a slash; give one like /v1/messages")
    return msgspec.structs.replace(request, path=bare, query=query, headers=CIMultiDictProxy(merged))


def _from_http(raw: bytes) -> Recorded:
    head, _, body = raw.replace(b"\r\n", b"\n", _lines_of_head(raw)).partition(b"\n\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    method, _, rest = first.partition(" ")
    target = rest.split(" ", 1)[0]
    if "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    headers = CIMultiDict(_header(line) for line in lines if line)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _dechunked(body)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ValueError("the recorded body is compressed; record it without content-encoding")
    path, _, query = target.partition("?")
    return Recorded(method=method, path=path, query=query, headers=CIMultiDictProxy(headers), body=body)


def _lines_of_head(raw: bytes) -> int:
    """How many CRLF line ends belong to the head: those of the body stay as they are."""
    head, end, _ = raw.partition(b"\r\n\r\n")
    return head.count(b"\r\n") + 2 if end else 0


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip() or name != name.strip():
        raise ValueError(f"header line {name.strip()!r} is not `name: value`")
    return name, value.strip()


def _dechunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    rest = body
    while True:
        line, newline, rest = rest.partition(b"\n")
        try:
            size = int(line.split(b";", 1)[0], 16)
        except ValueError:
            raise ValueError("the recorded body is not valid chunked encoding; save it as one piece") from None
        if not newline or size <= 0:
            return b"".join(pieces)
        pieces.append(rest[:size])
        rest = rest[size:].lstrip(b"\r\n")


def _from_body(raw: bytes, path: str | None) -> Recorded:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the input is neither JSON nor a recorded HTTP request (`POST /v1/messages …`)") from None
    if not isinstance(body, dict):
        raise ValueError("the JSON is no object; give the body of a request")
    guessed = _guessed_path(body) if path is None else path
    return Recorded(method="POST", path=guessed, query="", headers=CIMultiDict(), body=raw, guessed_path=path is None)


def _guessed_path(body: Mapping[str, Any]) -> str:
    """The path whose bodies look like this one. Raises `ValueError` where the path would have to hold the model."""
    if "contents" in body:
        model = body.get("model")
        if not isinstance(model, str):
            raise ValueError("a Gemini body names no model; add --path /v1beta/models/MODEL:generateContent")
        return f"/v1beta/models/{quote(model.removeprefix('models/'))}:generateContent"
    if "messages" in body:
        return "/v1/messages" if "max_tokens" in body and _looks_like_messages(body) else "/v1/chat/completions"
    if "input" in body:
        return "/v1/embeddings" if "embed" in str(body.get("model", "")) else "/v1/responses"
    return "/v1/chat/completions"


def _looks_like_messages(body: Mapping[str, Any]) -> bool:
    """Chat has no top-level `system`, and no model of Anthropic's answers it natively under that name."""
    return "system" in body or "thinking" in body or str(body.get("model", "")).startswith("claude")
