"""The models that the provider offers; names starting with `no-such` do not exist, any other name is taken as it is.

Names that the public price data knows (2026-11), so that demo figures are real money. Next: `messages.py`.
"""

from __future__ import annotations

from typing import Any

ANTHROPIC = {
    "claude-opus-5-5": (1_000_000, 128_000),
    "claude-sonnet-5-5": (1_000_000, 64_000),
    "claude-haiku-5-5": (200_000, 64_000),
}
OPENAI = {
    "gpt-6-sol": (400_000, 128_000),
    "gpt-5.5": (400_000, 128_000),
    "gpt-5.4-mini": (400_000, 128_000),
    "gpt-4o": (128_000, 16_384),
    "text-embedding-3-small": (8_191, 0),
}
GEMINI = {"gemini-3.1-pro-preview": (1_048_576, 65_536), "gemini-3.8-flash": (1_048_576, 65_536)}

CREATED_S = 1_790_000_000


def exists(model: str) -> bool:
    return not model.startswith("no-such")


def window(model: str) -> int | None:
    """Tokens that fit into the model's context, `None` when the name is not listed here."""
    return next((listed[model][0] for listed in (ANTHROPIC, OPENAI, GEMINI) if model in listed), None)


def for_anthropic() -> dict[str, Any]:
    listed = [_anthropic(name, *sizes) for name, sizes in ANTHROPIC.items()]
    return {"data": listed, "has_more": False, "first_id": listed[0]["id"], "last_id": listed[-1]["id"]}


def for_openai() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "system"} for name in OPENAI],
    }


def for_gemini() -> dict[str, Any]:
    return {"models": [_gemini(name, *sizes) for name, sizes in GEMINI.items()]}


def _anthropic(name: str, window: int, output: int) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "lifecycle": "active",
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-09-01T00:00:00Z",
        "max_input_tokens": window,
        "max_tokens": output,
    }


def _gemini(name: str, window: int, output: int) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": name,
        "inputTokenLimit": window,
        "outputTokenLimit": output,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
