"""`session.minTurns`: how long the conversation is, counted in turns of the user. Next: `cached_tokens.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call


class SessionTurns:
    __slots__ = ("_least",)
    field = "session.minTurns"

    def __init__(self, least: int) -> None:
        self._least = least

    def holds(self, call: Call) -> bool:
        return call.request is not None and call.request.user_turns >= self._least

    def why(self, call: Call) -> str:
        turns = call.request.user_turns if call.request is not None else 0
        return f"the user has spoken {turns} of {self._least} times"
