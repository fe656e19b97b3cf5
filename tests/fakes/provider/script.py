"""What the model says. The request chooses it; the same request and seed always get the same answer.

Words in the newest user text that steer (any case): `use the tool`, `use two tools`, `spawn TYPE: PROMPT` (with an
`Agent`, `Task` or `spawn_agent` tool offered), `say N words`, `repeat: TEXT`, `refuse`. Must not know dialects.
Next: `steps.py`.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from typing import Any, Literal

import msgspec

from tests.fakes.provider import tokens
from tests.fakes.provider.asked import Asked, Tool

Finish = Literal["stop", "length", "tool", "refusal", "stop_sequence"]

TALK = (
    "the parser reads each line and keeps what it needs while a second pass checks the ranges we then move the lock "
    "into its own file so that tests can hold it open a failing case shows where the count drifts fix it there first"
)
WORDS = TALK.split(" ")
SPAWNERS = ("Agent", "Task", "task", "spawn_agent")
_spawn = re.compile(r"spawn ([\w.-]+): (.+)", re.IGNORECASE | re.DOTALL)
_say = re.compile(r"say (\d+) words", re.IGNORECASE)
_repeat = re.compile(r"repeat: (.+)", re.IGNORECASE | re.DOTALL)


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool; `id` has no prefix yet (each dialect has its own)."""

    id: str
    name: str
    arguments: dict[str, Any]
    namespace: str = ""

    @property
    def arguments_json(self) -> str:
        return json.dumps(self.arguments, separators=(",", ":"))


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """All that the model produces for one request."""

    thinking: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    stop: str = ""
    """The stop sequence that was hit."""

    @property
    def reasoning_tokens(self) -> int:
        return tokens.count(self.thinking)

    @property
    def output_tokens(self) -> int:
        """Everything billed as output, reasoning included."""
        spoken = sum(tokens.count(call.name + call.arguments_json) for call in self.calls)
        return self.reasoning_tokens + tokens.count(self.text) + spoken


def reply(asked: Asked, seed: int) -> Reply:
    """The answer to `asked`."""
    chance = random.Random(seed ^ zlib.crc32(f"{asked.model}|{asked.prompt_tokens}|{asked.last_text}".encode()))
    thinking = _words(chance, 24) if asked.thinking else ""
    if "refuse" in asked.last_text.lower() and not asked.after_tool:
        return Reply(thinking=thinking, text="I can't help with that.", finish="refusal")
    calls = _calls(asked, chance)
    if calls:
        return Reply(thinking=thinking, text="Let me look.", calls=calls, finish="tool")
    return _limited(_stopped(Reply(thinking=thinking, text=_text(asked, chance)), asked.stops), asked.max_tokens)


def _calls(asked: Asked, chance: random.Random) -> tuple[ToolCall, ...]:
    by_name = {tool.name: tool for tool in asked.tools}
    spawner = next((by_name[name] for name in SPAWNERS if name in by_name), None)
    if not asked.tools or asked.after_tool:
        return ()
    spawn = _spawn.search(asked.last_text)
    if spawner is not None and spawn is not None:
        return (ToolCall(_id(chance), spawner.name, _order(spawner, *spawn.groups()), spawner.namespace),)
    if asked.must_call:
        return (_called(by_name.get(asked.must_call, asked.tools[0]), chance),)
    usable = [tool for tool in asked.tools if tool.name not in SPAWNERS]
    said = asked.last_text.lower()
    wanted = 2 if "use two tools" in said else 1 if "use the tool" in said else 0
    return tuple(_called(tool, chance) for tool in (usable * 2)[:wanted])


def _order(spawner: Tool, agent: str, prompt: str) -> dict[str, str]:
    """What Claude Code's tool takes, or Codex's: its agents have names but no types."""
    if spawner.name == "spawn_agent":
        return {"task_name": agent.lower(), "message": prompt, "fork_turns": "none"}
    return {"description": "a part of the work", "subagent_type": agent, "prompt": prompt}


def _called(tool: Tool, chance: random.Random) -> ToolCall:
    arguments = instance(tool.schema, chance)
    return ToolCall(_id(chance), tool.name, arguments if isinstance(arguments, dict) else {}, tool.namespace)


def _text(asked: Asked, chance: random.Random) -> str:
    if asked.schema is not None:
        return json.dumps(instance(asked.schema, chance), separators=(",", ":"))
    repeat, say = _repeat.search(asked.last_text), _say.search(asked.last_text)
    if repeat is not None:
        return repeat.group(1)
    return _words(chance, int(say.group(1)) if say is not None else chance.randint(20, 60))


def _stopped(said: Reply, stops: tuple[str, ...]) -> Reply:
    found = [(at, stop) for stop in stops if stop.strip() and (at := said.text.find(stop)) >= 0]
    if not found:
        return said
    at, stop = min(found)
    return msgspec.structs.replace(said, text=said.text[:at], finish="stop_sequence", stop=stop)


def _limited(said: Reply, max_tokens: int | None) -> Reply:
    """Cut at the limit, thinking first, as a real model would run out."""
    if max_tokens is None or said.output_tokens <= max_tokens:
        return said
    thinking = said.thinking[: max_tokens * tokens.BYTES_PER_TOKEN]
    left = max_tokens - tokens.count(thinking)
    text = said.text.encode()[: left * tokens.BYTES_PER_TOKEN].decode(errors="ignore")
    return msgspec.structs.replace(said, thinking=thinking, text=text, finish="length")


def instance(schema: dict[str, Any], chance: random.Random) -> Any:
    """A value that fits a JSON schema (types, enum, const, properties, items; the first of anyOf)."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return instance(schema[choice][0], chance)
    kind = str(schema.get("type", "object")).lower()
    match kind:
        case "object":
            return {name: instance(part, chance) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [instance(schema.get("items", {"type": "string"}), chance)]
        case "integer" | "number":
            return chance.randint(1, 9)
        case "boolean":
            return True
        case "null":
            return None
    return _words(chance, 3)


def _words(chance: random.Random, many: int) -> str:
    start = chance.randrange(len(WORDS))
    return " ".join(WORDS[(start + i) % len(WORDS)] for i in range(many))


def _id(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=22))
