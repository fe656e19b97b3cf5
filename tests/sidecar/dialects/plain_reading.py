"""What is true of a stream, read the plain way: every event decoded, nothing skipped. The followers' oracle.

Shares no code with the product, and knows only what the recorded streams hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ccproxy_contract.snapshot import DialectName
from tests.sidecar.dialects.grammar import events


@dataclass
class Facts:
    """`counts` are the provider's own numbers by its own names, flattened."""

    started: bool = False
    ended: bool = False
    finish: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    spawns: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""


def facts_of(dialect: DialectName, raw: bytes) -> Facts:
    """Facts of the whole events in `raw`."""
    facts, inputs = Facts(), dict[int, str]()
    for name, data in events(raw):
        if data == "[DONE]":
            facts.ended = True
            continue
        value = json.loads(data)
        if dialect == "anthropic-messages":
            _messages(facts, inputs, name, value)
        elif dialect == "openai-chat":
            _chat(facts, value)
        elif dialect == "openai-responses":
            _responses(facts, name, value)
        else:
            _gemini(facts, value)
    return facts


def _messages(facts: Facts, inputs: dict[int, str], name: str, value: dict[str, Any]) -> None:
    if name == "message_start":
        _count(facts, value["message"]["usage"])
    elif name == "content_block_start":
        facts.started = True
        if value["content_block"].get("name") in ("Agent", "Task"):
            inputs[value["index"]] = ""
    elif name == "content_block_delta":
        if value["index"] in inputs:
            inputs[value["index"]] += value["delta"]["partial_json"]
    elif name == "content_block_stop" and value["index"] in inputs:
        given = json.loads(inputs.pop(value["index"]))
        facts.spawns.append((given["subagent_type"], given["prompt"]))
    elif name == "message_delta":
        facts.finish = value["delta"]["stop_reason"]
        _count(facts, value["usage"])
    elif name == "message_stop":
        facts.ended = True
    elif name == "error":
        facts.error, facts.ended = value["error"]["type"], True


def _chat(facts: Facts, value: dict[str, Any]) -> None:
    if "error" in value:
        facts.error, facts.ended = value["error"]["code"], True
    for choice in value.get("choices", []):
        words = [v for k, v in choice["delta"].items() if k != "role"]
        facts.started = facts.started or any(words) or choice["finish_reason"] is not None
        facts.finish = choice["finish_reason"] or facts.finish
    if value.get("usage"):
        facts.counts = {}
        _count(facts, value["usage"])


def _responses(facts: Facts, name: str, value: dict[str, Any]) -> None:
    if name == "error":
        facts.error, facts.ended = value["code"], True
    if name == "response.output_item.added":
        facts.started = True
    if name in ("response.completed", "response.incomplete", "response.failed"):
        facts.ended = True
        cause = value["response"]["incomplete_details"]
        facts.finish = cause["reason"] if cause else value["response"]["status"]
        _count(facts, value["response"]["usage"])


def _gemini(facts: Facts, value: dict[str, Any]) -> None:
    if "error" in value:
        facts.error, facts.ended = value["error"]["status"], True
    for candidate in value.get("candidates", []):
        facts.started = True
        facts.finish = candidate.get("finishReason", facts.finish)
        facts.ended = bool(facts.finish)
    if "usageMetadata" in value:
        facts.counts = {}
        _count(facts, value["usageMetadata"])


def _count(facts: Facts, usage: dict[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, dict):
            _count(facts, value)
        elif isinstance(value, int):
            facts.counts[name] = value


def total(dialect: DialectName, counts: dict[str, int]) -> int:
    """All tokens of a call by the provider's own arithmetic."""
    if dialect == "anthropic-messages":
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        return sum(counts.get(name, 0) for name in names)
    if dialect == "gemini-generate":
        names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
        return sum(counts.get(name, 0) for name in names)
    return counts.get("total_tokens", 0)
