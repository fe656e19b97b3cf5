"""`cachedTokens`: what the session's last usage showed as cached (read and written). Next: `tools.py`."""

from __future__ import annotations

from ccproxy_contract.snapshot import TokenRange
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.sessions.threads import thread_of
from ccproxy_sidecar.tokens.bounds import within


class CachedTokens:
    __slots__ = ("_wanted",)
    field = "cachedTokens"

    def __init__(self, wanted: TokenRange) -> None:
        self._wanted = wanted

    def holds(self, call: Call) -> bool:
        cached = _cached(call)
        return within(self._wanted, low=cached, high=cached) is True

    def why(self, call: Call) -> str:
        return f"the session's last usage showed {_cached(call)} cached tokens"


def _cached(call: Call) -> int:
    if call.session is None:
        return 0
    last = call.session.last(thread_of(call))
    return last.cached_tokens if last is not None else 0
