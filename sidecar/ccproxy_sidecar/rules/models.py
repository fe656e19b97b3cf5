"""`models`: patterns over the model that the client asked for. Next: `paths.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Models:
    __slots__ = ("_wanted",)
    field = "models"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._wanted = AnyPattern(patterns)

    def holds(self, call: Call) -> bool:
        return self._wanted.holds(_model(call))

    def why(self, call: Call) -> str:
        return f"the model asked for is {_model(call) or 'not given'}"


def _model(call: Call) -> str:
    if call.request is not None:
        return call.request.model
    return call.path_model or ""
