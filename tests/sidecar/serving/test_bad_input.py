"""Bad input gets a clear error in the dialect's own shape; nothing hangs, nothing breaks, nothing is logged."""

from __future__ import annotations

import asyncio
import gzip
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.sidecar.serving.calls import chat, messages, post
from tests.sidecar.serving.conftest import Stand

SECRET = "the-prompt-nobody-may-log"


async def raw(stand: Stand, request: bytes, *, wait_s: float = 5.0) -> bytes:
    """Send bytes as they are and read until the peer closes or falls silent."""
    host, port = urlsplit(stand.url).hostname, urlsplit(stand.url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    await writer.drain()
    got = b""
    try:
        async with asyncio.timeout(wait_s):
            while piece := await reader.read(65_536):
                got += piece
    except (TimeoutError, ConnectionResetError):
        pass
    writer.close()
    return got


def http(path: str, body: bytes, *headers: str, host: str = "127.0.0.1") -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


BROKEN_BODIES = {
    "empty": b"",
    "cut": b'{"model": "m", "messages": [',
    "no object": b"[1,2]",
    "a word": b"hello",
    "wrong types": b'{"model": 7, "messages": "x", "max_tokens": 1}',
    "messages of numbers": b'{"model": "m", "max_tokens": 1, "messages": [1]}',
    "NaN": b'{"model": "m", "max_tokens": NaN, "messages": []}',
    "invalid UTF-8": b'{"model": "m", "max_tokens": 1, "messages": [{"role":"user","content":"\xff\xfe"}]}',
    "model twice": b'{"model": "a", "max_tokens": 1, "messages": [], "model": "b"}',
    "deep": b'{"model":"m","max_tokens":1,"messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "no model": b'{"max_tokens": 1, "messages": []}',
}


@pytest.mark.parametrize("name", sorted(BROKEN_BODIES))
async def test_a_broken_body_is_refused_in_the_dialects_shape(stand: Stand, name: str) -> None:
    got = await post(f"{stand.url}/v1/messages", BROKEN_BODIES[name])
    assert got.status == 400
    assert (got.json["type"], got.json["error"]["type"]) == ("error", "invalid_request_error")
    got = await post(f"{stand.url}/v1/chat/completions", BROKEN_BODIES[name])
    assert got.status == 400
    assert got.json["error"]["message"]
    assert stand.provider.calls() == []


async def test_no_error_quotes_what_the_client_sent(stand: Stand) -> None:
    body = msgspec.json.encode({"model": "m", "max_tokens": SECRET, "messages": [SECRET]})
    got = await post(f"{stand.url}/v1/messages", body)
    assert got.status == 400
    assert SECRET.encode() not in got.body
    assert SECRET not in stand.sidecar.log.read_text()


async def test_a_body_over_the_limit_is_413_whether_declared_or_chunked(stand: Stand) -> None:
    big = messages("x" * 2_100_000)
    assert (await post(f"{stand.url}/v1/messages", big)).status == 413
    pieces = b"".join(b"10000\r\n" + b"x" * 65_536 + b"\r\n" for _ in range(40)) + b"0\r\n\r\n"
    head = b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    got = await raw(stand, head + pieces)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in got


async def test_a_chunked_upload_is_taken(stand: Stand) -> None:
    body = msgspec.json.encode(messages())
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    head = (
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nanthropic-version: 2023-06-01\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    assert (await raw(stand, head + pieces + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_pipelined_requests_are_answered_in_order(stand: Stand) -> None:
    one = http("/v1/messages", msgspec.json.encode(messages(model="denied-x"))).replace(b"Connection: close\r\n", b"")
    two = http("/v1/chat/completions", msgspec.json.encode(chat(model="denied-x")))
    got = await raw(stand, one + two)
    assert got.count(b"HTTP/1.1 429 ") == 2
    assert got.index(b"billing_error") < got.index(b"insufficient_quota")


async def test_a_client_that_asks_before_sending_is_told_to_go_on(stand: Stand) -> None:
    body = msgspec.json.encode(messages())
    got = await raw(stand, http("/v1/messages", body, "Expect: 100-continue", "anthropic-version: 2023-06-01"))
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELLO\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["TLS", "no HTTP", "bad length", "length and chunked", "oversized header", "bad chunk"],
)
async def test_what_is_not_http_gets_400_as_json_and_a_closed_connection(stand: Stand, request_bytes: bytes) -> None:
    got = await raw(stand, request_bytes)
    assert got.split(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert b'"type":"error"' in got
    assert (b"larger than 32 KiB" in got) == (b"y" * 70_000 in request_bytes)


async def test_a_compressed_body_is_told_to_come_plain(stand: Stand) -> None:
    body = gzip.compress(msgspec.json.encode(messages()))
    got = await raw(stand, http("/v1/messages", body, "Content-Encoding: gzip"))
    assert got.startswith(b"HTTP/1.1 400 ")
    assert b"send it plain" in got


async def test_foreign_hosts_and_origins_are_refused(stand: Stand) -> None:
    got = await raw(stand, http("/v1/messages", b"{}", host="evil.example"))
    assert got.startswith(b"HTTP/1.1 403 ")
    got = await raw(stand, http("/v1/messages", b"{}", "Origin: https://evil.example"))
    assert got.startswith(b"HTTP/1.1 403 ")


async def test_unknown_paths_say_what_there_is(stand: Stand) -> None:
    for path in ("/nope", "/v2/messages", "//v1/messages", "/v1/../etc/passwd"):
        got = await post(stand.url + path, messages())
        assert got.status in (404, 400), path
    assert "/v1/messages" in (await post(f"{stand.url}/nope", {})).json["error"]["message"]


async def test_a_body_that_stops_half_way_is_cut_off(stand: Stand) -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{"
    got = await raw(stand, head, wait_s=0.5)
    assert got == b""  # still waited for: the limit is 30 s, and the other calls go on meanwhile
    assert (await post(f"{stand.url}/v1/messages", messages())).status == 200


async def test_the_log_holds_no_prompt_and_no_key(stand: Stand) -> None:
    await post(f"{stand.url}/v1/messages", messages(SECRET), {"x-api-key": "sk-ant-api03-very-secret"})
    log = stand.sidecar.log.read_text()
    assert SECRET not in log
    assert "very-secret" not in log
    assert "sk-scripted" not in log
