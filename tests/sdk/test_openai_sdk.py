"""openai-py, Chat and embeddings: answers, streams, tools, images, structured output, errors, raw answers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall, ChatCompletionToolParam
from pydantic import BaseModel

from tests.fakes.endpoints import Endpoint
from tests.fakes.provider.faults import Planned

MODEL = "gpt-5.5"
READ: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as made:
        yield made


def test_a_completion_comes_back_with_its_usage(client: openai.OpenAI, endpoint: Endpoint) -> None:
    done = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "repeat: good morning"}])

    assert done.choices[0].message.content == "good morning"
    charged = endpoint.provider.settled_calls()[-1].charged
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (charged.input, charged.output)


def test_a_stream_carries_no_usage_unless_the_client_asks(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "say 40 words"}], stream=True)
    )

    assert len("".join(chunk.choices[0].delta.content or "" for chunk in chunks).split()) == 40
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_carries_usage_when_the_client_asks(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_interleaved_tool_calls_come_out_whole(client: openai.OpenAI) -> None:
    write: ChatCompletionToolParam = {
        "type": "function",
        "function": {
            "name": "write_file",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}},
        },
    }
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "use two tools"}], tools=[READ, write]
    ) as stream:
        final = stream.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.name for call in calls] == ["read_file", "write_file"]
    assert [set(json.loads(call.function.arguments)) for call in calls] == [{"path"}, {"path", "text"}]


def test_a_tool_loop_ends_with_an_answer(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "use the tool"}], tools=[READ]
    )
    calls = first.choices[0].message.tool_calls
    assert calls is not None
    call = calls[0]
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    after = client.chat.completions.create(
        model=MODEL,
        tools=[READ],
        messages=[
            {"role": "user", "content": "use the tool"},
            {"role": "assistant", "tool_calls": [call.to_dict()]},  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": call.id, "content": "line 1"},
        ],
    )

    assert after.choices[0].finish_reason == "stop"


def test_an_image_is_read_and_counted(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                ],
            }
        ],
    )

    assert done.usage is not None
    assert done.usage.prompt_tokens > 1000


def test_structured_output_parses(client: openai.OpenAI) -> None:
    class Title(BaseModel):
        title: str
        words: int

    parsed = client.chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": "name this session"}], response_format=Title
    )

    assert isinstance(parsed.choices[0].message.parsed, Title)


def test_a_repeated_prefix_is_read_from_the_cache(client: openai.OpenAI) -> None:
    def ask(text: str) -> int:
        done = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "system", "content": "rules " * 1000}, {"role": "user", "content": text}],
        )
        assert done.usage is not None
        assert done.usage.prompt_tokens_details is not None
        return done.usage.prompt_tokens_details.cached_tokens or 0

    assert (ask("one"), ask("two")) == (0, 1408)


def test_embeddings_come_back_as_numbers(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])

    assert [len(one.embedding) for one in made.data] == [64, 64]
    assert made.usage.prompt_tokens == 2


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert "gpt-5.5" in {model.id for model in client.models.list()}


def test_an_unknown_role_raises_the_sdks_own_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "robot", "content": "hi"}],  # type: ignore[list-item,misc]
        )

    assert raised.value.param == "messages[0].role"


def test_a_failing_provider_raises_an_internal_server_error(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.provider.plan(Planned(fault="status=500", times=-1))

    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])


def test_an_error_after_content_raises_out_of_the_stream(client: openai.OpenAI, endpoint: Endpoint) -> None:
    endpoint.provider.plan(Planned(fault="error_event;events=4;slow_chunk=0.05;status=500;message=it broke"))

    with pytest.raises(openai.APIError, match="it broke"):
        list(
            client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "say 60 words"}], stream=True
            )
        )


def test_a_raw_answer_has_the_providers_headers(client: openai.OpenAI, endpoint: Endpoint) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])

    assert raw.headers["x-request-id"].startswith("req_")
    assert ("x-ccproxy-call" in raw.headers) == endpoint.through_ccproxy
    assert raw.parse().choices[0].message.role == "assistant"


async def test_the_async_client_streams_too(endpoint: Endpoint) -> None:
    async with openai.AsyncOpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key) as client:
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "say 30 words"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert len(text.split()) == 30
