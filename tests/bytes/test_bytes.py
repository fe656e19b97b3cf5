"""What passes through is byte-identical but for what the decision names, in both directions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import quote, urlsplit

import pytest

from ccproxy_contract.snapshot import Backend, Credential, Match, Snapshot, Target, sealed
from tests.bytes.answers import Prepared, prepared
from tests.bytes.byte_server import NUMBER, ByteServer
from tests.bytes.edits import RENAMED, asks_for_usage, without_rename, without_usage_event
from tests.bytes.wire import Headers, Message, head_of, read_message
from tests.conftest import PROVING
from tests.fakes.sidecar import routing_rule, running_sidecar
from tests.sidecar.dialects.recorded import RecordedCall, recorded_calls

CALLS = 10_000 if PROVING else 1_000
CLIENTS = 16
SEED = 4_711
BACKEND_KEY = "sk-of-the-backend"
CREDENTIALS = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "proxy-authorization"}
HOP_BY_HOP = {"connection", "keep-alive", "te", "x-named-in-connection", "upgrade"}
OURS = {"host", "content-length", "accept-encoding", "transfer-encoding"}


@dataclass(frozen=True)
class Crossing:
    """One call: what the client sent and got, and what the provider got and sent."""

    call: RecordedCall
    renamed: bool
    sent: Headers
    got: Message
    received: Message
    answer: Prepared

    @property
    def streams(self) -> bool:
        return _streams(self.call)

    @property
    def asks_for_usage(self) -> bool:
        """Is it a streamed Chat call whose client did not ask for its usage?"""
        body = json.loads(self.call.body)
        asked = (body.get("stream_options") or {}).get("include_usage") is True
        return self.call.dialect == "openai-chat" and self.streams and not asked


def _streams(call: RecordedCall) -> bool:
    if call.dialect == "gemini-generate":
        return "streamGenerateContent" in call.path
    return json.loads(call.body).get("stream") is True


@pytest.fixture(scope="module")
def crossings(tmp_path_factory: pytest.TempPathFactory) -> list[Crossing]:
    """All calls, made once for the file."""
    return asyncio.run(_crossed(tmp_path_factory.mktemp("bytes")))


async def _crossed(home: Path) -> list[Crossing]:
    rng = Random(SEED)
    calls = recorded_calls(CALLS, SEED)
    answers = [prepared(rng, call.dialect, stream=_streams(call)) for call in calls]
    renamed = [call.dialect != "openai-embeddings" and rng.random() < 0.4 for call in calls]
    server = ByteServer(answers)
    await server.start()
    sent = [_client_headers(rng, number, call, renamed[number]) for number, call in enumerate(calls)]
    got: dict[int, Message] = {}
    with running_sidecar(_snapshot(server.url), home) as sidecar:
        waiting = iter(range(CALLS))
        await asyncio.gather(*(_client(sidecar.url, waiting, calls, sent, got) for _ in range(CLIENTS)))
        await server.stop()
    return [Crossing(call, renamed[n], sent[n], got[n], server.received[n], answers[n]) for n, call in enumerate(calls)]


def _snapshot(url: str) -> Snapshot:
    key = Credential("Key", BACKEND_KEY)
    backends = (
        Backend("anthropic", "Anthropic", url, ("anthropic-messages",), key),
        Backend("openai", "OpenAI", url + "/v1", ("openai-chat", "openai-responses", "openai-embeddings"), key),
        Backend("gemini", "Gemini", url, ("gemini-generate",), key),
    )
    targets = [Target(backend=backend.name, model=RENAMED) for backend in backends]
    rule = routing_rule("renamed", Match(headers={"x-other-model": "yes"}), *targets)
    return sealed(Snapshot(rules=(rule,), backends=backends))


def _client_headers(rng: Random, number: int, call: RecordedCall, renamed: bool) -> Headers:
    """A client's headers with every oddity we know, in any order and case."""
    extra = [
        ("Host", "127.0.0.1"), ("Content-Length", str(len(call.body))), (NUMBER, str(number)),
        ("Accept-Encoding", "gzip, br"), ("X-Stainless-Lang", "py"), ("x-of-tomorrow", "a, b;q=0.5"),
        ("x-twice", "1"), ("x-twice", "2"), ("Accept", "*/*"), ("TE", "trailers"), ("Cookie", "c=3"),
        ("Connection", "keep-alive, X-Named-In-Connection"), ("X-Named-In-Connection", "gone"),
        ("x-ccproxy-session", f"s-{number}"),
        *([("x-other-model", "yes")] if renamed else []),
    ]  # fmt: skip
    listed = [*call.headers.items(), *extra]
    rng.shuffle(listed)
    return tuple(listed)


async def _client(
    url: str, waiting: Iterator[int], calls: list[RecordedCall], sent: list[Headers], got: dict[int, Message]
) -> None:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    for number in waiting:
        call = calls[number]
        writer.write(head_of(f"{call.method} {call.path} HTTP/1.1", sent[number]) + call.body)
        message = await read_message(reader)
        assert message is not None, f"call {number} got no answer"
        got[number] = message
    writer.close()


def test_bodies_arrive_byte_for_byte_but_for_the_model_and_the_usage_option(crossings: list[Crossing]) -> None:
    for one in crossings:
        sent, named_in_body = one.call.body, one.call.dialect != "gemini-generate"
        undone = [one.received.body]
        if one.renamed and named_in_body:
            undone = without_rename(one.received.body, sent)
        if one.asks_for_usage:
            assert any(asks_for_usage(received, sent) for received in undone), one.call
        else:
            assert sent in undone
    assert sum(one.renamed for one in crossings) > CALLS / 4
    assert sum(one.asks_for_usage for one in crossings) > CALLS / 20


def test_the_path_changes_only_where_it_names_the_model(crossings: list[Crossing]) -> None:
    for one in crossings:
        method, path, _ = one.received.first_line.split(" ")
        expected = one.call.path
        if one.renamed and one.call.dialect == "gemini-generate":
            expected = expected.replace("gemini-3-flash", quote(RENAMED, safe=""))
        assert (method, path) == (one.call.method, expected)


def test_request_headers_are_kept_but_for_hops_and_credentials(crossings: list[Crossing]) -> None:
    never = CREDENTIALS | HOP_BY_HOP | OURS
    for one in crossings:
        assert _named(one.received.headers, but=CREDENTIALS | OURS) == _named(one.sent, but=never)


def test_the_provider_gets_the_backends_key_and_never_the_clients(crossings: list[Crossing]) -> None:
    for one in crossings:
        keys = {name.lower(): value for name, value in one.received.headers if name.lower() in CREDENTIALS}
        assert len(keys) == 1
        assert next(iter(keys.values())).removeprefix("Bearer ") == BACKEND_KEY


def test_answers_come_back_byte_for_byte_but_for_the_usage_event_nobody_asked_for(crossings: list[Crossing]) -> None:
    for one in crossings:
        expected = one.answer.body
        if one.asks_for_usage and one.answer.status == 200:
            expected = without_usage_event(expected)
            assert len(expected) < len(one.answer.body)
        assert one.got.first_line.split(" ")[1] == str(one.answer.status)
        assert one.got.body == expected


def test_answer_headers_are_kept_but_for_hops_and_framing(crossings: list[Crossing]) -> None:
    ours = {"content-length", "transfer-encoding", "date", "server", "connection"}
    for one in crossings:
        assert _named(one.got.headers, but=ours) == _named(one.answer.headers, but={"keep-alive"})
        named = {name for name, _ in one.got.headers if name.startswith("x-ccproxy-")}
        assert {"x-ccproxy-call", "x-ccproxy-target", "x-ccproxy-rule"} <= named


def _named(headers: Headers, *, but: set[str]) -> list[tuple[str, str]]:
    """In their order, ccproxy's own left out; the case of a name means nothing (RFC 9110 §5.1)."""
    lower = [(name.lower(), value) for name, value in headers]
    return [(name, value) for name, value in lower if name not in but and not name.startswith("x-ccproxy-")]
