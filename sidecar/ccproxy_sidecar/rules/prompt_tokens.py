"""`promptTokens`: bounds on the client's prompt. Mostly decided by arithmetic, by a tokenizer only in doubt.

Next: `contains.py`.
"""

from __future__ import annotations

from ccproxy_contract.snapshot import TokenRange
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.tokens.bounds import within
from ccproxy_sidecar.tokens.estimate import prompt_tokens, quick_estimate
from ccproxy_sidecar.tokens.exact import TokenCounter


class PromptTokens:
    __slots__ = ("_counter", "_least", "_wanted")
    field = "promptTokens"

    def __init__(self, wanted: TokenRange, counter: TokenCounter) -> None:
        self._wanted = wanted
        self._least = wanted.min or 0
        self._counter = counter

    def holds(self, call: Call) -> bool | None:
        # A token is at least a byte: enough for nearly every call of nearly every program.
        if call.request is None or len(call.body) < self._least:
            return False
        estimate = quick_estimate(call, self._wanted)
        return within(self._wanted, low=estimate.low, high=estimate.high)

    async def ask(self, call: Call) -> bool:
        tokens = await prompt_tokens(call, self._wanted, self._counter)
        return within(self._wanted, low=tokens, high=tokens) is True

    def why(self, call: Call) -> str:
        if call.request is None:
            return "the call has no prompt"
        estimate = quick_estimate(call, self._wanted)
        judged = f"the prompt has {estimate.low:,} to {estimate.high:,} tokens, judged by {estimate.basis}"
        open_still = within(self._wanted, low=estimate.low, high=estimate.high) is None
        return f"{judged}, which leaves it open: a tokenizer counts it" if open_still else judged
