"""`thinking`: does the client ask for reasoning? Next: `task.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call


class Thinking:
    __slots__ = ("_wanted",)
    field = "thinking"

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def holds(self, call: Call) -> bool:
        return call.request is not None and call.request.thinking == self._wanted

    def why(self, call: Call) -> str:
        if call.request is None:
            return "the call has no body that says so"
        return f"thinking is {'on' if call.request.thinking else 'off'}"
