"""What Google's Gemini API refuses, in its words (ai.google.dev/api, and apis.md §3).

Must not read what is acceptable (`gemini.py` does). Next: `embeddings.py`.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.provider.asked import Refused


def refuse(message: str) -> Refused:
    return Refused(400, message, kind="INVALID_ARGUMENT")


def either(value: dict[str, Any], *names: str) -> Any:
    """A field by its camelCase or its snake_case name: the API takes both."""
    return next((value[name] for name in names if name in value), None)


def check(body: dict[str, Any], *, needs_signatures: bool) -> None:
    """Raises `Refused` as the real API would."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise refuse("* GenerateContentRequest.contents: contents is not specified")
    for at, content in enumerate(contents):
        if content.get("role") not in (None, "user", "model", "function"):
            raise refuse("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise refuse(f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.")
    if needs_signatures:
        _signed(contents)
    _pairs(contents)


def _signed(contents: list[dict[str, Any]]) -> None:
    """The first call of each turn carries the signature that came with it."""
    for content in contents:
        calls = [part for part in content["parts"] if either(part, "functionCall", "function_call")]
        if calls and not either(calls[0], "thoughtSignature", "thought_signature"):
            raise refuse("Function call is missing a thought_signature in functionCall parts.")


def _pairs(contents: list[dict[str, Any]]) -> None:
    waiting = 0
    for content in contents:
        answers = sum(1 for part in content["parts"] if either(part, "functionResponse", "function_response"))
        if answers != waiting:
            raise refuse(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        waiting = sum(1 for part in content["parts"] if either(part, "functionCall", "function_call"))
