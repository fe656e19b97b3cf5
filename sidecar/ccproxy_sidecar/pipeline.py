"""The order of the stages of one call, and what each does when it fails.

authenticate  closed: a call that cannot be placed is refused.
classify      closed: no target, no call; a broken rule is answered 503, never the next rule.
forward       fails over before the first content byte; what the last target answers goes to the client.
meter         open and counted: a call never fails because counting failed.

Between classify and forward, *limit*, *guard*, *recall* and *condense* have their place; they come with their issues.
Must not know HTTP. Next: `stages/authenticate.py`.
"""

from __future__ import annotations

import time

from ccproxy_sidecar.body import Body
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.stages.authenticate import authenticate
from ccproxy_sidecar.stages.classify import classify
from ccproxy_sidecar.stages.forward import Forward
from ccproxy_sidecar.upstream.attempt import Attempt
from ccproxy_sidecar.upstream.balance import Balance


class Pipeline:
    """Runs calls through the stages."""

    def __init__(self, *, sessions: Sessions, balance: Balance, forward: Forward) -> None:
        self._sessions = sessions
        self._balance = balance
        self._forward = forward

    async def run(self, call: Call, program: Program, body: Body) -> Attempt | Problem:
        """An attempt whose answer shall go to the client (relay and settle it), or a refusal."""
        authenticate(call)
        plan = await classify(call, program, sessions=self._sessions, balance=self._balance, now_s=time.monotonic())
        if isinstance(plan, Problem):
            return plan
        call.shadow = plan.shadow
        return await self._forward(call, plan, body)
