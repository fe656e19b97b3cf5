"""google-genai: generate, stream, tools with their signatures, structured output, counting, embeddings, errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.fakes.endpoints import Endpoint

MODEL = "gemini-3.8-flash"
READ = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="read_file",
            parameters_json_schema={"type": "object", "properties": {"path": {"type": "string"}}},
        )
    ]
)


def _made(endpoint: Endpoint) -> genai.Client:
    return genai.Client(api_key=endpoint.key, http_options=types.HttpOptions(base_url=endpoint.url))


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[genai.Client]:
    made = _made(endpoint)
    yield made
    made.close()


def test_content_comes_back_with_its_usage(client: genai.Client, endpoint: Endpoint) -> None:
    done = client.models.generate_content(model=MODEL, contents="repeat: good morning")

    assert done.text == "good morning"
    charged = endpoint.provider.settled_calls()[-1].charged
    assert done.usage_metadata is not None
    assert done.usage_metadata.prompt_token_count == charged.input
    assert done.usage_metadata.candidates_token_count == charged.output


def test_a_stream_ends_with_a_reason_and_the_whole_usage(client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="say 40 words"))

    assert len("".join(chunk.text or "" for chunk in chunks).split()) == 40
    last = chunks[-1]
    assert last.candidates is not None
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata is not None
    assert (last.usage_metadata.candidates_token_count or 0) > 20


def test_thoughts_are_counted_apart(client: genai.Client) -> None:
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    done = client.models.generate_content(model=MODEL, contents="hello there", config=config)

    assert done.usage_metadata is not None
    assert (done.usage_metadata.thoughts_token_count or 0) > 0


def test_a_tool_loop_carries_the_signature_back(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        tools=[READ], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    question = types.Content(role="user", parts=[types.Part.from_text(text="use the tool")])
    first = client.models.generate_content(model=MODEL, contents=[question], config=config)
    assert first.function_calls is not None
    assert first.candidates is not None
    assert first.candidates[0].content is not None
    result = types.Part.from_function_response(name="read_file", response={"text": "line 1"})

    after = client.models.generate_content(
        model=MODEL,
        contents=[question, first.candidates[0].content, types.Content(role="user", parts=[result])],
        config=config,
    )

    assert after.text


def test_structured_output_parses(client: genai.Client) -> None:
    class Title(BaseModel):
        title: str

    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Title)
    done = client.models.generate_content(model=MODEL, contents="name it", config=config)

    assert isinstance(done.parsed, Title)


def test_an_image_is_read_and_counted(client: genai.Client) -> None:
    picture = types.Part.from_bytes(data=b"\x89PNG\r\n", mime_type="image/png")
    done = client.models.generate_content(model=MODEL, contents=[picture, types.Part.from_text(text="what is it?")])

    assert done.usage_metadata is not None
    assert (done.usage_metadata.prompt_token_count or 0) > 1000


def test_counting_tokens_is_answered(client: genai.Client) -> None:
    assert client.models.count_tokens(model=MODEL, contents="count me in").total_tokens == 3


def test_embeddings_come_back_as_numbers(client: genai.Client) -> None:
    made = client.models.embed_content(model="gemini-embedding-001", contents="one")

    assert made.embeddings is not None
    assert made.embeddings[0].values is not None
    assert len(made.embeddings[0].values) == 64


def test_an_unknown_model_raises_the_sdks_own_error(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="no-such-model", contents="hi")

    assert raised.value.status == "NOT_FOUND"


@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # the SDK's own way of using aiohttp
async def test_the_async_client_streams_too(endpoint: Endpoint) -> None:
    client = _made(endpoint)
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="say 30 words")
    text = "".join([chunk.text or "" async for chunk in stream])
    await client.aio.aclose()
    client.close()

    assert len(text.split()) == 30
