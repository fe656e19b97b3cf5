"""A program on Gemini: an answer, a stream with thoughts, a tool loop, counting. Next: `figures.py`."""

from __future__ import annotations

from google import genai
from google.genai import types

from tests.fakes.provider.process import RunningProvider
from tools.demo.agent import RULES
from tools.demo.coding import PLACEHOLDER
from tools.demo.progress import Progress

MODEL = "gemini-3.8-flash"


def gemini(url: str, _: RunningProvider, progress: Progress) -> None:
    """Five calls, one of them free."""
    client = genai.Client(api_key=PLACEHOLDER, http_options=types.HttpOptions(base_url=url))
    try:
        progress.call()
        client.models.generate_content(model=MODEL, contents="Say 40 words", config=_config())
        progress.call()
        thoughts = types.ThinkingConfig(include_thoughts=True)
        for _chunk in client.models.generate_content_stream(
            model=MODEL, contents="Say 60 words", config=_config(thinking_config=thoughts)
        ):
            pass
        _tool_loop(client, progress)
        progress.call()
        client.models.count_tokens(model=MODEL, contents="How many are these?")
    finally:
        client.close()


def _tool_loop(client: genai.Client, progress: Progress) -> None:
    """The model's own turn goes back as it came: its signature has to fit."""
    declared = types.FunctionDeclaration(
        name="find_page",
        parameters_json_schema={"type": "object", "properties": {"page": {"type": "string"}}},
    )
    config = _config(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    question = types.Content(role="user", parts=[types.Part.from_text(text="Find it: use the tool")])
    progress.call()
    first = client.models.generate_content(model=MODEL, contents=[question], config=config)
    assert first.candidates is not None
    assert first.candidates[0].content is not None
    found = types.Part.from_function_response(name="find_page", response={"page": "4"})
    progress.call()
    client.models.generate_content(
        model=MODEL,
        contents=[question, first.candidates[0].content, types.Content(role="user", parts=[found])],
        config=config,
    )


def _config(**more: object) -> types.GenerateContentConfig:
    return types.GenerateContentConfig.model_validate({"system_instruction": RULES * 60, **more})
