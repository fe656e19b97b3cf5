"""A program on OpenAI's APIs: Chat with tools and a long document, Responses with reasoning, embeddings.

Next: `gemini_calls.py`.
"""

from __future__ import annotations

from typing import Any

import openai
from openai.types.shared_params import ResponseFormatJSONSchema

from tests.fakes.provider.process import RunningProvider
from tools.demo.agent import RULES
from tools.demo.coding import PLACEHOLDER
from tools.demo.progress import Progress

MODEL = "gpt-5.5"
ORDER: dict[str, Any] = {"type": "object", "properties": {"order": {"type": "string"}}}
FORMAT: ResponseFormatJSONSchema = {"type": "json_schema", "json_schema": {"name": "order", "schema": ORDER}}
DOCUMENT = RULES * 2_600
"""About 70,000 tokens by the provider, 50,000 by a real tokenizer."""


def _client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=PLACEHOLDER, max_retries=0)


def chat(url: str, _: RunningProvider, progress: Progress) -> None:
    """A tool loop, a stream, structured output, two questions about one long document."""
    with _client(url) as client:
        _lookup(client, progress)
        progress.call()
        stream = client.chat.completions.create(
            model=MODEL, messages=_asked("Say 50 words about refunds", RULES * 60), stream=True
        )
        for _chunk in stream:
            pass
        for text in ("Say 40 words about the first part", "Say 40 words about the last part"):
            progress.call()
            client.chat.completions.create(model=MODEL, messages=_asked(text, DOCUMENT))
        progress.call()
        client.chat.completions.create(
            model=MODEL,
            messages=_asked("Which order is it?", RULES),
            response_format=FORMAT,
        )


def _lookup(client: openai.OpenAI, progress: Progress) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "lookup_order", "parameters": ORDER}}]
    messages = _asked("Where is my order? use the tool", RULES * 60)
    progress.call()
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message
    messages.append(first.to_dict())
    for call in first.tool_calls or []:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "It arrives tomorrow."})
    progress.call()
    client.chat.completions.create(model=MODEL, messages=messages, tools=tools)


def _asked(text: str, system: str) -> list[Any]:
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


def responses(url: str, _: RunningProvider, progress: Progress) -> None:
    """Reasoning, a tool loop that goes on from the kept response, a stream, a read and a deletion."""
    with _client(url) as client:
        tool: Any = {"type": "function", "name": "find_page", "parameters": ORDER, "strict": False}
        progress.call()
        first = client.responses.create(
            model=MODEL,
            instructions=RULES * 60,
            input="Where does it say so? use the tool",
            tools=[tool],
            reasoning={"effort": "medium"},
        )
        results: list[Any] = [
            {"type": "function_call_output", "call_id": item.call_id, "output": "On page 4."}
            for item in first.output
            if item.type == "function_call"
        ]
        progress.call()
        client.responses.create(model=MODEL, previous_response_id=first.id, tools=[tool], input=results)
        progress.call()
        for _event in client.responses.create(model=MODEL, input="Say 50 words", stream=True):
            pass
        progress.call()
        client.responses.retrieve(first.id)
        progress.call()
        client.responses.delete(first.id)


def embeddings(url: str, _: RunningProvider, progress: Progress) -> None:
    """Two batches."""
    with _client(url) as client:
        for many in (4, 8):
            progress.call()
            client.embeddings.create(model="text-embedding-3-small", input=[f"{RULES} {n}" for n in range(many)])
