"""One call of a coding agent's subagent through everything that `ccproxy start` runs, and what it left behind.

Must not assert; `test_one_request.py` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ccproxy_cli.compiling import Compilation, compile_folder
from ccproxy_cli.home import Home
from ccproxy_cli.state import State, running_state
from ccproxy_contract.events import UsageEvent
from ccproxy_contract.names import HEADER_CALL
from tests.cli.conftest import temporary_home, wait_for
from tests.fakes.provider.process import RunningProvider, running_provider
from tests.fakes.provider.records import Seen
from tests.fakes.spooled import spooled_events

BACKEND_KEY = "sk-of-the-backend"
CLIENT_KEY = "sk-of-the-client"
SESSION = "11111111-2222-4333-8444-555555555555"
RULE = "explorers-on-haiku"
POLICIES = """\
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: anthropic}}
spec:
  provider: Anthropic
  endpoint: {{url: "{url}"}}
  credentials: {{env: BACKEND_KEY}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {{name: agents}}
spec:
  rules:
    - name: explorers-on-haiku
      match: {{agents: [Explore], models: ["claude-*"]}}
      then: {{route: {{targets: [{{backend: anthropic, model: claude-haiku-5-5}}]}}}}
"""
BODY = json.dumps(
    {
        "model": "claude-opus-5-5",
        "max_tokens": 300,
        "stream": True,
        "system": [{"type": "text", "text": "You search in files."}],
        "messages": [{"role": "user", "content": "say 40 words about parsers"}],
        "a_field_of_tomorrow": {"kept": [1, {"as": "it is"}]},
    },
    indent=1,
).encode()
HEADERS = {
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "x-api-key": CLIENT_KEY,
    "user-agent": "claude-cli/2.1.329",
    "x-claude-code-session-id": SESSION,
    "x-claude-code-agent-type": "Explore",
}


@dataclass(frozen=True)
class Answer:
    """What the client got; `pieces` as they came."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(frozen=True)
class Walked:
    """A running ccproxy after one call, and every trace of it."""

    home: Home
    state: State
    compiled: Compilation
    provider: RunningProvider
    answer: Answer
    seen: Seen
    """The call as the provider saw it."""
    events: list[UsageEvent]
    """The call in the sidecar's spool."""

    @property
    def settled(self) -> UsageEvent:
        return next(event for event in self.events if event.kind == "settle")


@contextlib.contextmanager
def walked() -> Iterator[Walked]:
    """Start everything, make the call, hand over what came of it; afterwards nothing runs any more."""
    with running_provider() as provider, temporary_home() as home:
        home.create()
        (home.policies / "all.yaml").write_text(POLICIES.format(url=provider.url))
        ccproxy(home, "start", "--detach", "--port", "0")
        state = running_state(home.state)
        assert state is not None
        answer = asyncio.run(called(state.address, HEADERS, BODY))
        yield Walked(
            home=home,
            state=state,
            compiled=compile_folder(home.policies, {"BACKEND_KEY": BACKEND_KEY}),
            provider=provider,
            answer=answer,
            seen=provider.settled_calls()[0],
            events=wait_for(lambda: _both(home.spool("sidecar"), answer.headers.get(HEADER_CALL, ""))),
        )


def ccproxy(home: Home, *arguments: str) -> str:
    """Run the command line, which must succeed; its output."""
    command = [sys.executable, "-m", "ccproxy_cli", *arguments]
    variables = os.environ | {"CCPROXY_HOME": str(home.root), "BACKEND_KEY": BACKEND_KEY}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def called(address: str, headers: dict[str, str], body: bytes) -> Answer:
    """POST a Messages call and keep the pieces of its answer apart."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{address}/v1/messages", data=body, headers=headers) as response,
    ):
        pieces = [piece async for piece in response.content.iter_any()]
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, pieces)


async def got(url: str, **parameters: str) -> dict[str, Any]:
    """GET a JSON object."""
    async with aiohttp.ClientSession() as session, session.get(url, params=parameters) as response:
        assert response.status == 200, await response.text()
        told: dict[str, Any] = await response.json()
        return told


def _both(spool: Path, call: str) -> list[UsageEvent] | None:
    events = [event for event in spooled_events(spool) if event.call == call]
    return events if len(events) >= 2 else None
