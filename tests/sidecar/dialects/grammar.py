"""Strict checkers of event streams: every rule that a client may rely on, as a list of violations.

Independent of the product's parsers on purpose: lines are read here again, the plain way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any


def events(raw: bytes) -> Iterator[tuple[str, str]]:
    """(event name, data) of a stream, after WHATWG HTML §9.2; a last event without a blank line is dropped."""
    name: str = ""
    data: list[str] = []
    for line in re.split(r"\r\n|\n|\r", raw.decode("utf-8", "replace"))[:-1]:
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _objects(raw: bytes, wrong: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if raw and not re.search(rb"(?:\r\n|\n|\r){2}$", raw):
        wrong.append("the stream ends inside an event")
    for name, data in events(raw):
        if data == "[DONE]":
            yield name, {"done": True}
            continue
        try:
            value = json.loads(data)
        except ValueError:
            wrong.append(f"{name or 'event'}: data is not JSON")
            continue
        if isinstance(value, dict):
            yield name, value
        else:
            wrong.append(f"{name or 'event'}: data is not an object")


def check_messages(raw: bytes) -> list[str]:
    """Violations of the Messages stream grammar; an `error` event may end a stream anywhere."""
    wrong: list[str] = []
    stage, blocks, open_index, kind = "new", 0, None, ""
    for name, event in _objects(raw, wrong):
        if event.get("type") != name:
            wrong.append(f"event {name} holds type {event.get('type')}")
        if name == "ping":
            continue
        if stage in ("stopped", "failed"):
            wrong.append(f"{name} after the end")
        elif name == "error":
            error = event.get("error")
            if not isinstance(error, dict) or not error.get("type") or not error.get("message"):
                wrong.append("error without type and message")
            stage = "failed"
        elif name == "message_start":
            if stage != "new":
                wrong.append("second message_start")
            stage = "started"
        elif stage == "new":
            wrong.append(f"{name} before message_start")
        elif name == "content_block_start":
            if open_index is not None or event["index"] != blocks or stage != "started":
                wrong.append(f"block {event['index']} starts out of order")
            open_index, kind, blocks = event["index"], event["content_block"]["type"], blocks + 1
        elif name == "content_block_delta":
            if event["index"] != open_index:
                wrong.append(f"delta for block {event['index']} which is not open")
            elif not _delta_fits(kind, event["delta"]["type"]):
                wrong.append(f"{event['delta']['type']} in a {kind} block")
        elif name == "content_block_stop":
            if event["index"] != open_index:
                wrong.append(f"stop of block {event['index']} which is not open")
            open_index = None
        elif name == "message_delta":
            if open_index is not None or "stop_reason" not in event["delta"]:
                wrong.append("message_delta out of order or without stop_reason")
            stage = "finished"
        elif name == "message_stop":
            if stage != "finished":
                wrong.append("message_stop without message_delta")
            stage = "stopped"
    if stage not in ("stopped", "failed"):
        wrong.append("no terminal event")
    return wrong


def _delta_fits(kind: str, delta: str) -> bool:
    deltas = {
        "text": ("text_delta", "citations_delta"),
        "thinking": ("thinking_delta", "signature_delta"),
        "tool_use": ("input_json_delta",),
        "server_tool_use": ("input_json_delta",),
    }
    return delta in deltas.get(kind, ())


def check_chat(raw: bytes) -> list[str]:
    """Violations of the Chat stream grammar; an object with `error` may end a stream anywhere, without `[DONE]`."""
    wrong: list[str] = []
    done, failed, finished, calls = False, False, set[int](), dict[tuple[int, int], bool]()
    for _, chunk in _objects(raw, wrong):
        if done or failed:
            wrong.append("chunk after the end")
        if chunk.get("done"):
            done = True
            continue
        if "error" in chunk:
            if not chunk["error"].get("message"):
                wrong.append("error without message")
            failed = True
            continue
        if chunk.get("object") != "chat.completion.chunk" or not isinstance(chunk.get("choices"), list):
            wrong.append("not a chunk")
            continue
        if not chunk["choices"] and not chunk.get("usage"):
            wrong.append("chunk without choices and usage")
        for choice in chunk["choices"]:
            index = choice["index"]
            if index in finished and choice["delta"]:
                wrong.append(f"delta of choice {index} after its finish_reason")
            if choice.get("finish_reason"):
                finished.add(index)
            for call in choice["delta"].get("tool_calls") or []:
                key, opens = (index, call["index"]), "id" in call
                if opens == calls.get(key, False):
                    wrong.append(f"tool call {call['index']} opened twice or never")
                calls[key] = True
    if not failed and not (done and finished):
        wrong.append("no terminal event or no finish_reason")
    return wrong


def check_responses(raw: bytes) -> list[str]:
    """Violations of the Responses stream grammar."""
    wrong: list[str] = []
    last, ended, started = -1, False, False
    open_items: set[int] = set()
    seen_items: set[int] = set()
    for name, event in _objects(raw, wrong):
        if event.get("type") != name:
            wrong.append(f"event {name} holds type {event.get('type')}")
        number = event.get("sequence_number")
        if not isinstance(number, int) or number <= last:
            wrong.append(f"{name}: sequence_number {number} after {last}")
        else:
            last = number
        if ended:
            wrong.append(f"{name} after the end")
        elif not started and name not in ("response.created", "error"):
            wrong.append(f"{name} before response.created")
        index = event.get("output_index", -1)
        if name == "response.created":
            started = True
        elif name == "response.output_item.added":
            if index in seen_items:
                wrong.append(f"item {index} added twice")
            seen_items.add(index)
            open_items.add(index)
        elif name == "response.output_item.done":
            if index not in open_items:
                wrong.append(f"item {index} done but not open")
            open_items.discard(index)
        elif name.endswith(".delta") and index not in open_items:
            wrong.append(f"{name} for item {index} which is not open")
        if name in ("response.completed", "response.incomplete", "response.failed"):
            if event["response"]["status"] != name.removeprefix("response."):
                wrong.append(f"{name} with status {event['response']['status']}")
            if name == "response.completed" and open_items:
                wrong.append("completed with open items")
            ended = True
        ended = ended or name == "error"
    if not ended:
        wrong.append("no terminal event")
    return wrong


def check_gemini(raw: bytes) -> list[str]:
    """Violations of Gemini's stream grammar: objects with candidates, the last with a finishReason, or an error."""
    wrong: list[str] = []
    ended = False
    for _, chunk in _objects(raw, wrong):
        if "error" in chunk:
            if not {"code", "message", "status"} <= set(chunk["error"]):
                wrong.append("error without code, message and status")
            ended = True
        elif not chunk.get("candidates") and "promptFeedback" not in chunk and "usageMetadata" not in chunk:
            wrong.append("chunk without candidates")
        ended = ended or any(c.get("finishReason") for c in chunk.get("candidates", []))
        ended = ended or "promptFeedback" in chunk
    if not ended:
        wrong.append("no terminal event")
    return wrong
