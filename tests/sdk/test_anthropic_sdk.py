"""anthropic-py: messages, streams, tools, images, structured output, errors, raw answers, counting, models."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import anthropic
import pytest
from anthropic.types import MessageParam, TextBlockParam, ToolParam
from pydantic import BaseModel

from tests.fakes.endpoints import Endpoint
from tests.fakes.provider.faults import Planned

MODEL = "claude-sonnet-5-5"
READ: ToolParam = {
    "name": "read_file",
    "description": "Read a file.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=endpoint.url, api_key=endpoint.key, max_retries=0) as made:
        yield made


def _user(text: str) -> MessageParam:
    return {"role": "user", "content": text}


def test_a_message_comes_back_with_its_usage(client: anthropic.Anthropic, endpoint: Endpoint) -> None:
    message = client.messages.create(model=MODEL, max_tokens=500, messages=[_user("repeat: good morning")])

    assert message.content[0].type == "text"
    assert message.content[0].text == "good morning"
    charged = endpoint.provider.settled_calls()[-1].charged
    assert (message.usage.input_tokens, message.usage.output_tokens) == (charged.uncached, charged.output)


def test_a_stream_adds_up_to_its_final_message(client: anthropic.Anthropic) -> None:
    with client.messages.stream(model=MODEL, max_tokens=500, messages=[_user("say 40 words")]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert len(text.split()) == 40
    assert final.content[0].type == "text"
    assert final.content[0].text == text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 1


def test_thinking_streams_and_its_signature_is_accepted_when_sent_back(client: anthropic.Anthropic) -> None:
    first = _user("use the tool")
    with client.messages.stream(
        model=MODEL,
        max_tokens=4000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        tools=[READ],
        messages=[first],
    ) as stream:
        answer = stream.get_final_message()

    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    called = answer.content[2]
    assert called.type == "tool_use"
    assert set(called.input) == {"path"}
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": called.id, "content": "line 1"}],
    }
    after = client.messages.create(
        model=MODEL,
        max_tokens=4000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        tools=[READ],
        messages=[first, {"role": "assistant", "content": answer.content}, result],
    )
    assert after.stop_reason == "end_turn"


def test_an_image_is_read_and_counted(client: anthropic.Anthropic) -> None:
    picture: MessageParam = {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "text", "text": "what is this?"},
        ],
    }
    message = client.messages.create(model=MODEL, max_tokens=100, messages=[picture])

    assert message.usage.input_tokens > 1000


def test_structured_output_parses(client: anthropic.Anthropic) -> None:
    class Title(BaseModel):
        title: str
        words: int

    parsed = client.messages.parse(
        model=MODEL, max_tokens=500, messages=[_user("name this session")], output_format=Title
    )

    assert isinstance(parsed.parsed_output, Title)


def test_a_cached_prefix_is_written_once_and_then_read(client: anthropic.Anthropic) -> None:
    rules: TextBlockParam = {
        "type": "text",
        "text": "rules " * 1000,
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }

    def ask(text: str) -> anthropic.types.Usage:
        return client.messages.create(
            model=MODEL,
            max_tokens=100,
            system=[rules],
            messages=[_user(text)],
        ).usage

    first, second = ask("one"), ask("two")

    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_1h_input_tokens == 1500
    assert second.cache_read_input_tokens == 1500
    assert second.cache_creation_input_tokens == 0


def test_counting_tokens_is_answered(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=[_user("count me")])

    assert counted.input_tokens == 5


def test_models_are_listed(client: anthropic.Anthropic) -> None:
    assert "claude-opus-5-5" in {model.id for model in client.models.list()}


def test_a_refused_request_raises_the_sdks_own_error(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="at least one message is required"):
        client.messages.create(model=MODEL, max_tokens=10, messages=[])


def test_an_unknown_model_raises_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="no-such-model"):
        client.messages.create(model="no-such-model", max_tokens=10, messages=[_user("hi")])


def test_a_rate_limit_keeps_its_retry_after(client: anthropic.Anthropic, endpoint: Endpoint) -> None:
    endpoint.provider.plan(Planned(fault="status=429;retry_after=7", times=-1))

    with pytest.raises(anthropic.RateLimitError) as raised:
        client.messages.create(model=MODEL, max_tokens=10, messages=[_user("hi")])

    assert raised.value.response.headers["retry-after"] == "7"


def test_an_error_after_content_raises_out_of_the_stream(client: anthropic.Anthropic, endpoint: Endpoint) -> None:
    endpoint.provider.plan(Planned(fault="error_event;events=5;slow_chunk=0.05"))

    with (
        pytest.raises(anthropic.APIStatusError, match="overloaded_error"),
        client.messages.stream(model=MODEL, max_tokens=500, messages=[_user("say 60 words")]) as stream,
    ):
        list(stream)


def test_a_raw_answer_has_the_providers_headers(client: anthropic.Anthropic, endpoint: Endpoint) -> None:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=50, messages=[_user("hi")])

    assert raw.headers["request-id"].startswith("req_")
    assert ("x-ccproxy-call" in raw.headers) == endpoint.through_ccproxy
    assert raw.parse().role == "assistant"


async def test_the_async_client_streams_too(endpoint: Endpoint) -> None:
    async with (
        anthropic.AsyncAnthropic(base_url=endpoint.url, api_key=endpoint.key) as client,
        client.messages.stream(model=MODEL, max_tokens=500, messages=[_user("say 30 words")]) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])

    assert len(text.split()) == 30
