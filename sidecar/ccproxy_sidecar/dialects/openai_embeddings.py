"""OpenAI embeddings: requests and answers; never streamed.

Shapes: openai-py 3.52.0, 2026-11. Must not read the inputs more than `texts` asks for. Next: `gemini_generate.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.body import ModelName, head_from_body, part_by
from ccproxy_sidecar.dialects.dialect import Answer, Malformed, Operation, Problem, Refusal, Request
from ccproxy_sidecar.dialects.follow import Follower
from ccproxy_sidecar.dialects.foreign import SingleTurn, foreign_request
from ccproxy_sidecar.dialects.openai_chat_answers import ChatGrammar
from ccproxy_sidecar.dialects.openai_errors import PING, openai_models, openai_refusal
from ccproxy_sidecar.dialects.request import ReadRequest


class _Head(msgspec.Struct, gc=False):
    model: ModelName
    input: msgspec.Raw
    user: str | None = None


_input: Callable[[msgspec.Raw | bytes], str | list[str]] = msgspec.json.Decoder(str | list[str]).decode


class OpenAIEmbeddings:
    """Implements `dialect.Dialect`."""

    name: DialectName = "openai-embeddings"

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed:
        if operation != "embed":
            return foreign_request(body, path_model)
        head = head_from_body(body, _Head)
        if isinstance(head, Malformed):
            return head
        return ReadRequest(body, SingleTurn(_texts(head.input)), model=head.model, user_id=head.user)

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        """The answer's `usage` has Chat's fields without a completion."""
        return Follower(ChatGrammar(hide_usage_chunk=False))

    def refusal(self, problem: Problem) -> Refusal:
        return openai_refusal(problem)

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        """Embeddings are never streamed: there is nothing to end."""
        return b""

    def ping(self) -> bytes:
        return PING

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        return openai_models(models, created_s=created_s)


def _texts(given: msgspec.Raw) -> tuple[str, ...]:
    """A string or strings; inputs given as token numbers have no text."""
    found = part_by(_input, given)
    return (found,) if isinstance(found, str) else tuple(found or ())
