"""Calls as the core hands them to rules: read by the real dialects from the bytes that a client would send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from ccproxy_contract.snapshot import Match, Mode, Rule, Snapshot, Treatment
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Malformed
from ccproxy_sidecar.dialects.table import locate

EMPTY = Snapshot()


def made_call(
    *, headers: Mapping[str, str] | None = None, path: str = "/v1/messages", method: str = "POST", **body: Any
) -> Call:
    """A call with this body; without any field, a plain Messages call of a few words."""
    if path == "/v1/messages":
        said = [{"role": "user", "content": "Please read the parser and say what it does."}]
        body = {"model": "claude-opus-5-5", "max_tokens": 1000, "messages": said} | body
    sent = CIMultiDict(headers or {})
    located = locate(method, path, sent)
    assert located is not None
    call = Call(
        id="call-1",
        method=method,
        path=path,
        query="",
        headers=sent,
        dialect=located.dialect,
        operation=located.operation,
        path_model=located.path_model,
        snapshot=EMPTY,
        received_ms=0,
        started_s=0.0,
    )
    if method == "POST":
        call.body = msgspec.json.encode(body)
        request = located.dialect.read(call.body, operation=located.operation, path_model=located.path_model)
        assert not isinstance(request, Malformed), request
        call.request = request
    return call


def made_rule(name: str, match: Match, mode: Mode = "Enforce") -> Rule:
    return Rule(name=name, policy="made", mode=mode, match=match, then=Treatment())
