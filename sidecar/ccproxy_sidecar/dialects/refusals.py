"""What all refusals share: the headers. Shapes live in each dialect.

Must not choose a status: the problem has one. Next: `anthropic_messages.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_sidecar.dialects.dialect import Problem, Refusal


def refusal(status: int, problem: Problem, body: object) -> Refusal:
    """`body` as JSON with the headers that tell a client when, or whether, to try again."""
    headers = [("content-type", "application/json")]
    if problem.retry_after_s is not None:
        headers.append(("retry-after", str(problem.retry_after_s)))
    if problem.retryable is not None:
        headers.append(("x-should-retry", "true" if problem.retryable else "false"))
    return Refusal(status, tuple(headers), msgspec.json.encode(body))
