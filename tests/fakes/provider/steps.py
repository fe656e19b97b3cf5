"""An answer in the small pieces in which a stream carries it. Each step knows the output tokens produced so far, which
is what a provider charges when the client leaves after it. Must not know dialects. Next: `answer.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Literal

import msgspec

from tests.fakes.provider import tokens
from tests.fakes.provider.script import Reply, ToolCall

PIECE_CHARACTERS = 24


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One piece. `call` counts the tools of the answer from 0; `text` is thinking, words or a part of arguments."""

    kind: Literal["thinking", "text", "call", "arguments", "end"]
    text: str = ""
    call: int = -1
    last: bool = False
    """Of a call's arguments: nothing follows."""
    output_tokens: int = 0


def steps(said: Reply, *, interleave: bool = False) -> Iterator[Step]:
    """The answer in order. `interleave`: arguments of several tools take turns, as OpenAI's may."""
    produced = _Produced()
    for piece in pieces(said.thinking):
        yield Step(kind="thinking", text=piece, output_tokens=produced.add("thinking", piece))
    for piece in pieces(said.text):
        yield Step(kind="text", text=piece, output_tokens=produced.add("text", piece))
    told = [list(_call_steps(index, call)) for index, call in enumerate(said.calls)]
    for step in _taking_turns(told) if interleave else chain.from_iterable(told):
        now = produced.add(f"call {step.call}", step.text)
        yield msgspec.structs.replace(step, output_tokens=now)
    yield Step(kind="end", output_tokens=said.output_tokens)


class _Produced:
    """Output tokens so far; every block is counted as a whole, so that the last count is the reply's."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}

    def add(self, block: str, text: str) -> int:
        self._bytes[block] = self._bytes.get(block, 0) + len(text.encode())
        return sum(-(-size // tokens.BYTES_PER_TOKEN) for size in self._bytes.values())


def _call_steps(index: int, call: ToolCall) -> Iterator[Step]:
    yield Step(kind="call", text=call.name, call=index)
    told = list(pieces(call.arguments_json))
    for at, piece in enumerate(told):
        yield Step(kind="arguments", text=piece, call=index, last=at == len(told) - 1)


def _taking_turns(told: list[list[Step]]) -> Iterator[Step]:
    return (step for turn in zip_longest(*told) for step in turn if step is not None)


def pieces(text: str) -> Iterator[str]:
    """Cut a text as a stream would."""
    return (text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS))
