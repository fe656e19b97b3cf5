"""The events of a streamed Response, numbered. Shapes: openai-py 3.52.0, 2026-11.

Must not decide what is said. Next: `gemini.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.provider.answer import Frame, event
from tests.fakes.provider.script import Reply
from tests.fakes.provider.steps import Step, steps

Value = dict[str, Any]


def frames(opening: Value, final: Value, said: Reply) -> Iterator[Frame]:
    """`opening`: the response without output; `final`: as it is when done."""
    out = _Items(final["output"])
    yield out.event("response.created", {"response": opening}, 0)
    yield out.event("response.in_progress", {"response": opening}, 0)
    for step in steps(said):
        yield from out.step(step)
    last = "response.completed" if final["status"] == "completed" else "response.incomplete"
    yield out.event(last, {"response": final}, said.output_tokens)


class _Items:
    """Opens and closes output items, one at a time, and counts every event."""

    def __init__(self, output: list[Value]) -> None:
        self._output = output
        self._sequence = 0
        self._index = -1
        self._open = ""

    def event(self, kind: str, rest: Value, produced: int) -> Frame:
        self._sequence += 1
        return event(kind, {"type": kind, "sequence_number": self._sequence - 1, **rest}, produced)

    def step(self, step: Step) -> Iterator[Frame]:
        name = f"{'call' if step.call >= 0 else step.kind} {step.call}"
        if name != self._open:
            if self._open:
                yield from self._close(step.output_tokens)
            if step.kind == "end":
                return
            self._open, self._index = name, self._index + 1
            yield from self._start(step.output_tokens)
        if step.kind != "call":
            yield self._delta(step)

    @property
    def _item(self) -> Value:
        return self._output[self._index]

    def _about(self, kind: str, rest: Value, produced: int) -> Frame:
        return self.event(kind, {"item_id": self._item["id"], "output_index": self._index, **rest}, produced)

    def _start(self, produced: int) -> Iterator[Frame]:
        item = self._item
        started = {**item, "status": "in_progress", **_emptied(item)}
        yield self.event("response.output_item.added", {"output_index": self._index, "item": started}, produced)
        if item["type"] == "message":
            part = {**item["content"][0], **_silent(item["content"][0])}
            yield self._about("response.content_part.added", {"content_index": 0, "part": part}, produced)
        elif item["type"] == "reasoning":
            part = {"type": "summary_text", "text": ""}
            yield self._about("response.reasoning_summary_part.added", {"summary_index": 0, "part": part}, produced)

    def _delta(self, step: Step) -> Frame:
        kind = self._item["type"]
        if kind == "function_call":
            return self._about("response.function_call_arguments.delta", {"delta": step.text}, step.output_tokens)
        if kind == "reasoning":
            rest = {"summary_index": 0, "delta": step.text}
            return self._about("response.reasoning_summary_text.delta", rest, step.output_tokens)
        if self._item["content"][0]["type"] == "refusal":
            return self._about("response.refusal.delta", {"content_index": 0, "delta": step.text}, step.output_tokens)
        rest = {"content_index": 0, "delta": step.text, "logprobs": []}
        return self._about("response.output_text.delta", rest, step.output_tokens)

    def _close(self, produced: int) -> Iterator[Frame]:
        item = self._item
        if item["type"] == "message":
            yield from self._message_done(item["content"][0], produced)
        elif item["type"] == "reasoning":
            part = item["summary"][0]
            text = {"summary_index": 0, "text": part["text"]}
            yield self._about("response.reasoning_summary_text.done", text, produced)
            done = {"summary_index": 0, "part": part}
            yield self._about("response.reasoning_summary_part.done", done, produced)
        else:
            given = {"name": item["name"], "arguments": item["arguments"]}
            yield self._about("response.function_call_arguments.done", given, produced)
        yield self.event("response.output_item.done", {"output_index": self._index, "item": item}, produced)

    def _message_done(self, part: Value, produced: int) -> Iterator[Frame]:
        if part["type"] == "refusal":
            rest: Value = {"content_index": 0, "refusal": part["refusal"]}
            yield self._about("response.refusal.done", rest, produced)
        else:
            rest = {"content_index": 0, "text": part["text"], "logprobs": []}
            yield self._about("response.output_text.done", rest, produced)
        yield self._about("response.content_part.done", {"content_index": 0, "part": part}, produced)


def _emptied(item: Value) -> Value:
    """What an item has not got yet when it is announced."""
    empty: dict[str, Value] = {
        "message": {"content": []},
        "reasoning": {"summary": []},
        "function_call": {"arguments": ""},
    }
    return empty[item["type"]]


def _silent(part: Value) -> Value:
    return {"refusal": ""} if part["type"] == "refusal" else {"text": ""}
