"""`stream`: does the client want the answer as an event stream? Next: `thinking.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call


class Stream:
    __slots__ = ("_wanted",)
    field = "stream"

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def holds(self, call: Call) -> bool:
        return call.request is not None and call.request.stream == self._wanted

    def why(self, call: Call) -> str:
        if call.request is None:
            return "the call has no body that says so"
        return f"stream is {str(call.request.stream).lower()}"
