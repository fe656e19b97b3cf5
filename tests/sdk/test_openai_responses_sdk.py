"""openai-py, Responses: answers, streams, reasoning, tools, state on the server, compaction, errors."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall
from pydantic import BaseModel

from tests.fakes.endpoints import Endpoint

MODEL = "gpt-5.5"
READ: FunctionToolParam = {
    "type": "function",
    "name": "read_file",
    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    "strict": False,
}


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as made:
        yield made


def test_a_response_comes_back_with_its_usage(client: openai.OpenAI, endpoint: Endpoint) -> None:
    done = client.responses.create(model=MODEL, input="repeat: good morning")

    assert done.output_text == "good morning"
    charged = endpoint.provider.settled_calls()[-1].charged
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens) == (charged.input, charged.output)


def test_a_stream_with_reasoning_and_a_tool_ends_completed(client: openai.OpenAI) -> None:
    with client.responses.stream(
        model=MODEL, input="use the tool", tools=[READ], reasoning={"effort": "medium", "summary": "auto"}
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()

    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]


def test_a_tool_loop_goes_on_from_the_previous_response(client: openai.OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="use the tool", tools=[READ])
    call = first.output[-1]
    assert isinstance(call, ResponseFunctionToolCall)

    after = client.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        tools=[READ],
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "line 1"}],
    )

    assert after.output_text


def test_a_kept_response_can_be_read_and_deleted(client: openai.OpenAI) -> None:
    kept = client.responses.create(model=MODEL, input="keep this")

    assert client.responses.retrieve(kept.id).output_text == kept.output_text
    client.responses.delete(kept.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(kept.id)


def test_a_conversation_is_compacted(client: openai.OpenAI) -> None:
    compacted = client.responses.compact(model=MODEL, input=[{"role": "user", "content": "a long story"}])

    assert compacted.output[-1].type == "compaction"
    assert compacted.usage.input_tokens > 0


def test_structured_output_parses(client: openai.OpenAI) -> None:
    class Title(BaseModel):
        title: str

    assert isinstance(client.responses.parse(model=MODEL, input="name it", text_format=Title).output_parsed, Title)


def test_a_limit_ends_the_response_incomplete(client: openai.OpenAI) -> None:
    done = client.responses.create(model=MODEL, input="say 80 words", max_output_tokens=16)

    assert done.status == "incomplete"
    assert done.usage is not None
    assert done.usage.output_tokens == 16


def test_a_missing_tool_output_raises_the_sdks_own_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="No tool output found"):
        client.responses.create(
            model=MODEL,
            input=[{"type": "function_call", "call_id": "call_1", "name": "read_file", "arguments": "{}"}],
        )


async def test_the_async_client_streams_too(endpoint: Endpoint) -> None:
    async with openai.AsyncOpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key) as client:
        stream = await client.responses.create(model=MODEL, input="say 30 words", stream=True)
        text = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    assert len(text.split()) == 30
