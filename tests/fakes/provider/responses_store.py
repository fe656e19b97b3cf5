"""Answers that the Responses API keeps, to be read, deleted or continued. Next: `responses.py`."""

from __future__ import annotations

from typing import Any


class Store:
    """Responses by id, and the conversation that led to each."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[dict[str, Any], list[Any]]] = {}

    def keep(self, response: dict[str, Any], conversation: list[Any]) -> None:
        self._kept[response["id"]] = (response, conversation)

    def response(self, identity: str) -> dict[str, Any] | None:
        return self._kept.get(identity, (None, []))[0]

    def conversation(self, identity: str) -> list[Any] | None:
        kept = self._kept.get(identity)
        return None if kept is None else kept[1]

    def drop(self, identity: str) -> bool:
        """Was it there?"""
        return self._kept.pop(identity, None) is not None

    def clear(self) -> None:
        self._kept.clear()
