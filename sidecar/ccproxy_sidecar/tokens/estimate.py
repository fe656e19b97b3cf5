"""The prompt's tokens as a rule needs them: as cheaply as the rule's thresholds allow.

First what the bytes allow, then what the provider last counted in this session plus the new bytes at the model's
learned ratio, and a tokenizer only when a threshold lies in between. Must not be used for money: bills read the
provider's usage. Next: `exact.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from ccproxy_contract.snapshot import TokenRange
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.sessions.calibration import Calibration
from ccproxy_sidecar.sessions.memory import Session
from ccproxy_sidecar.sessions.threads import thread_of
from ccproxy_sidecar.tokens.bounds import prompt_bounds, within
from ccproxy_sidecar.tokens.exact import TokenCounter

DOUBT = 2
"""New text may have half or twice the tokens per byte of the model's average: code against prose, JSON against CJK."""

_EVERYTHING = TokenRange()


class Estimate(NamedTuple):
    """The prompt has between `low` and `high` tokens; `likely` is the best single guess."""

    low: int
    high: int
    likely: int
    basis: str


def quick_estimate(call: Call, wanted: TokenRange = _EVERYTHING) -> Estimate:
    """Without a tokenizer: from bytes, and from the session where these leave `wanted` open."""
    if call.request is None:
        return Estimate(0, 0, 0, "having none")
    # The body's length and not `text_bytes`: telling text from pictures takes half a millisecond in a long body.
    body_bytes = len(call.body)
    ratio = _calibration(call).tokens_per_byte(_model(call))
    by_bytes = Estimate(0, body_bytes, round(body_bytes * ratio), "its bytes")
    if within(wanted, low=0, high=body_bytes) is not None or call.session is None:
        return by_bytes
    return _from_session(call, call.session, ratio) or by_bytes


def _from_session(call: Call, session: Session, ratio: float) -> Estimate | None:
    """`None` when the session has no count yet, or the body has shrunk: then the old count says nothing."""
    last = session.last(thread_of(call))
    if last is None or len(call.body) < last.body_bytes:
        return None
    new_bytes = len(call.body) - last.body_bytes
    new = new_bytes * ratio
    return Estimate(
        last.input_tokens + round(new / DOUBT),
        last.input_tokens + round(min(new_bytes, new * DOUBT)),
        last.input_tokens + round(new),
        "the session's last count and the new bytes",
    )


async def prompt_tokens(call: Call, wanted: TokenRange, counter: TokenCounter) -> int:
    """The prompt's tokens, exact enough to say whether they lie in `wanted`; 0 for a call without a prompt."""
    request = call.request
    if request is None:
        return 0
    quick = quick_estimate(call, wanted)
    if within(wanted, low=quick.low, high=quick.high) is not None:
        return min(max(quick.likely, quick.low), quick.high)
    texts = tuple(request.texts())
    low, high = prompt_bounds(request, texts)
    if within(wanted, low=low, high=high) is not None:
        return min(max(quick.likely, low), high)
    return await counted_tokens(call, texts, counter)


async def counted_tokens(call: Call, texts: tuple[str, ...], counter: TokenCounter) -> int:
    """The tokenizer's count of the call's `texts` times what its model's provider has reported per o200k token."""
    tokens = await counter.count(texts)
    if call.session is not None:
        call.session.counted = (len(call.body), tokens)
    return round(tokens * _calibration(call).factor(_model(call)))


def _calibration(call: Call) -> Calibration:
    return call.session.calibration if call.session is not None else Calibration()


def _model(call: Call) -> str:
    return call.request.model if call.request is not None else ""
