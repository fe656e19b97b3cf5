"""A coding agent's conversation over Messages, as Claude Code holds it: growing prefix, breakpoints, thinking, tools.

Header and body shapes: apis.md §1.2-1.4 and §2 (Claude Code 2.1.329), own words in the prompts. Must not know where
its calls go. Next: `subagents.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import anthropic
from anthropic.types import CacheControlEphemeralParam

from tools.demo.progress import Progress

MODEL = "claude-opus-5-5"
SESSION = "0d9c6b1e-5a57-4b0e-9f38-2d1c5f7e8a10"
EPHEMERAL: CacheControlEphemeralParam = {"type": "ephemeral"}
HOUR: CacheControlEphemeralParam = {"type": "ephemeral", "ttl": "1h"}
RULES = "Read before you write. Keep functions short and name what they return. Run the tests that a change touches. "


def _tool(name: str, *fields: str) -> dict[str, Any]:
    properties = {one: {"type": "string"} for one in fields}
    return {"name": name, "description": RULES, "input_schema": {"type": "object", "properties": properties}}


TOOLS = [
    _tool("Read", "path"),
    _tool("Edit", "path", "old", "new"),
    _tool("Agent", "description", "subagent_type", "prompt"),
]


def headers(kind: str, **more: str) -> dict[str, str]:
    """What Claude Code says about a call when hint headers are on."""
    told = {"x-claude-code-session-id": SESSION, "x-claude-code-request-class": kind, "x-app": "cli"}
    return told | {f"x-claude-code-{name.replace('_', '-')}": value for name, value in more.items()}


def user_id() -> str:
    """The session as `metadata.user_id` carries it."""
    return json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": SESSION})


@dataclass
class Conversation:
    """One agent's turns. `agent_headers` go with every call."""

    client: anthropic.Anthropic
    progress: Progress
    system: str
    agent_headers: dict[str, str]
    tools: list[dict[str, Any]] = field(default_factory=lambda: list(TOOLS))
    thinking: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)

    def say(self, text: str) -> list[dict[str, Any]]:
        """One user turn, tools included; gives the tool calls of the first answer."""
        first = self._ask([{"type": "text", "text": text}])
        calls = [block for block in first if block["type"] == "tool_use"]
        spawned = [call for call in calls if call["name"] == "Agent"]
        if calls and not spawned:
            self.results({call["id"]: _file(call) for call in calls})
        return calls

    def results(self, by_id: dict[str, str]) -> None:
        """Hand the tools' results back and take the answer."""
        self._ask([{"type": "tool_result", "tool_use_id": name, "content": text} for name, text in by_id.items()])

    def _ask(self, content: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._move_breakpoint(content)
        self.messages.append({"role": "user", "content": content})
        self.progress.call()
        wanted: dict[str, Any] = {"tools": self.tools, "messages": self.messages}
        if self.thinking:
            wanted["thinking"] = {"type": "adaptive"}
        with self.client.messages.stream(
            model=MODEL,
            max_tokens=32_000,
            system=[
                {"type": "text", "text": "You are a coding agent.", "cache_control": EPHEMERAL},
                {"type": "text", "text": self.system, "cache_control": HOUR},
            ],
            metadata={"user_id": user_id()},
            extra_headers=self.agent_headers,
            **wanted,
        ) as stream:
            answer = stream.get_final_message()
        said = [block.model_dump(exclude_none=True) for block in answer.content]
        self.messages.append({"role": "assistant", "content": said})
        return said

    def _move_breakpoint(self, content: list[dict[str, Any]]) -> None:
        """Only the newest user block carries the moving breakpoint."""
        for message in self.messages:
            for block in message["content"]:
                block.pop("cache_control", None)
        content[-1]["cache_control"] = EPHEMERAL


def _file(call: dict[str, Any]) -> str:
    """What a tool would have found: some lines of a file, always the same for the same call."""
    return "\n".join(f"{line:4d}  value_{line} = check({call['name']!r}, {line * 7})" for line in range(1, 60))
