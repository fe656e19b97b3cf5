"""Request bodies of the rig: 1 kB calls and agent-like conversations of 100 kB and 800 kB, in both shapes.

Every last user message carries `nonce-` and 16 digits, which the load generator counts up. The same seed gives the
same bytes on every machine. Next: `processes.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LAST: Final = "oai_800k.json"
"""Written last: when it is there, all are."""
_NONCE = "nonce-" + "0" * 16
_MODEL = "claude-sonnet-4-5"
_SENTENCE = (
    "the function returns a list of values from cache and then calls handler with request body "
    "def class import return self async await for while if else try except None True False "
    "configuration proxy stream token latency server client header response error retry budget"
)
_WORDS = _SENTENCE.split()


def write(folder: Path) -> None:
    """Writes `oai_*` (Chat) and `ant_*` (Messages) bodies into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = _Text(random.Random(7))
    chat = {"model": "gpt-4o", "messages": text.chat_messages(700), "temperature": 0.2}
    messages = {"model": _MODEL, "max_tokens": 1024, "messages": [text.user(800)]}
    _write_both(folder, "oai_1k", chat)
    _write_both(folder, "ant_1k", messages)
    for name, size in (("100k", 100_000), ("800k", 800_000)):
        _write(folder / f"ant_{name}.json", text.conversation(size))
    for name, size in (("100k", 100_000), ("800k", 800_000)):
        _write(folder / f"oai_{name}.json", {"model": "gpt-4o", "messages": text.long_chat(size)})


def _write_both(folder: Path, name: str, body: Mapping[str, Any]) -> None:
    _write(folder / f"{name}.json", body)
    _write(folder / f"{name}_stream.json", {"stream": True, **body})


def _write(path: Path, body: Mapping[str, Any]) -> None:
    path.write_bytes(_dumped(body))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class _Text:
    """Text that looks like code and tool results: quotes, escapes, some letters outside ASCII."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def code(self, size: int) -> str:
        lines: list[str] = []
        length = 0
        while length < size:
            lines.append(self._line())
            length += len(lines[-1]) + 1
        return "\n".join(lines)

    def _line(self) -> str:
        rng = self._rng
        line = "    " * rng.randint(0, 3) + " ".join(rng.choice(_WORDS) for _ in range(rng.randint(3, 12)))
        if rng.random() < 0.2:
            line += f' "quoted" \\ path\t{rng.randint(0, 10**6)}'
        if rng.random() < 0.03:
            line += " – naïve 日本語 ✓"
        return line

    def user(self, size: int) -> dict[str, Any]:
        return {"role": "user", "content": f"{_NONCE} {self.code(size)}"}

    def chat_messages(self, size: int) -> list[dict[str, Any]]:
        return [{"role": "system", "content": "You are a terse assistant."}, self.user(size)]

    def long_chat(self, size: int) -> list[dict[str, Any]]:
        roles = ("user", "assistant")
        messages: list[dict[str, Any]] = [
            {"role": roles[i % 2], "content": self.code(3000)} for i in range(size // 6000 * 2)
        ]
        return [*messages, self.user(400)]

    def conversation(self, size: int) -> dict[str, Any]:
        """A Messages body of about `size` bytes: system prompt, tools, turns of tool calls and their results."""
        body: dict[str, Any] = {
            "model": _MODEL,
            "max_tokens": 32000,
            "temperature": 1,
            "system": [{"type": "text", "text": self.code(6000), "cache_control": {"type": "ephemeral"}}],
            "tools": [self._tool(i) for i in range(16)],
            "metadata": {"user_id": "user_abc_account_def_session_ghi"},
            "messages": [{"role": "user", "content": self.code(200)}],
        }
        left = size - len(_dumped(body))
        turn = 1
        while left > 0:
            for message in (self._tool_use(turn), self._tool_result(turn, min(3000, max(200, left // 2)))):
                body["messages"].append(message)
                left -= len(_dumped(message))
            turn += 1
        body["messages"][-1]["content"].append({"type": "text", "text": f"{_NONCE} {self.code(100)}"})
        return body

    def _tool(self, number: int) -> dict[str, Any]:
        properties = {f"p{j}": {"type": "string", "description": self.code(60)} for j in range(4)}
        schema = {"type": "object", "properties": properties, "required": ["p0"]}
        return {"name": f"tool_{number}", "description": self.code(400), "input_schema": schema}

    def _tool_use(self, turn: int) -> dict[str, Any]:
        use = {"type": "tool_use", "id": f"toolu_{turn:06d}", "name": "tool_1", "input": {"p0": self.code(80)}}
        return {"role": "assistant", "content": [{"type": "text", "text": self.code(120)}, use]}

    def _tool_result(self, turn: int, size: int) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn:06d}", "content": self.code(size)}
        return {"role": "user", "content": [result]}
