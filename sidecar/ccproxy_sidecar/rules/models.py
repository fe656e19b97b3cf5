"""`models`: patterns over the model that the client asked for. Next: `paths.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Models:
    __slots__ = ("_fits",)
    field = "models"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._fits = AnyPattern(patterns).holds

    def holds(self, call: Call) -> bool:
        request = call.request
        return self._fits(request.model if request is not None else call.path_model or "")

    def why(self, call: Call) -> str:
        model = call.request.model if call.request is not None else call.path_model
        return f"the model asked for is {model or 'not given'}"
