"""A strict reader of Messages streams: SDKs forgive too much to be the judge (apis.md §5).

Must not repair anything. Next: `provider/messages.py`.
"""

from __future__ import annotations

import json
from typing import Any

DELTAS = {
    "thinking": {"thinking_delta", "signature_delta"},
    "text": {"text_delta"},
    "tool_use": {"input_json_delta"},
}


class Broken(Exception):
    """The stream breaks the grammar; the text says how."""


def events_of(raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream. Raises `Broken` for a frame whose name and type differ."""
    events = []
    for frame in raw.split(b"\n\n"):
        if not frame:
            continue
        name, _, rest = frame.partition(b"\n")
        event: dict[str, Any] = json.loads(rest.removeprefix(b"data: "))
        if name != b"event: " + event["type"].encode():
            raise Broken(f"{name!r} carries {event['type']}")
        events.append(event)
    return events


def check(events: list[dict[str, Any]]) -> None:
    """message_start, blocks one at a time with indices from 0, message_delta, message_stop. Raises `Broken`."""
    events = [event for event in events if event["type"] != "ping"]
    kinds = [event["type"] for event in events]
    if kinds[:1] != ["message_start"] or kinds[-2:] != ["message_delta", "message_stop"]:
        raise Broken(f"starts {kinds[:1]}, ends {kinds[-2:]}")
    index, opened = -1, ""
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                _must(not opened and event["index"] == index + 1, event)
                index, opened = event["index"], event["content_block"]["type"]
            case "content_block_delta":
                _must(event["index"] == index and event["delta"]["type"] in DELTAS.get(opened, ()), event)
            case "content_block_stop":
                _must(bool(opened) and event["index"] == index, event)
                opened = ""
            case other:
                raise Broken(f"{other} between message_start and message_delta")
    _must(not opened, events[-2])


def _must(holds: bool, event: dict[str, Any]) -> None:
    if not holds:
        raise Broken(f"out of place: {event}")
