"""Clients of four dialects, streaming and not, patient and not, against a sidecar that dies now and then.

Each call carries a session of its own, which both the provider's record and the ledger's row show.
Must not be surprised by any failure. Next: `troubles.py`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import msgspec

from tests.sidecar.serving.calls import HEADERS, PATHS, chat, gemini, messages, responses

SECRET_TEXT = "the-secret-of-this-prompt-0815"
CLIENT_KEY = "sk-of-a-client-1234567890"
SESSION = "x-claude-code-session-id"
FAULTS = (
    "status=529", "status=429", "status=500", "reset", "reset;events=2", "cut;events=2", "cut;after=20",
    "error_event;events=2", "garbage;events=1", "slow_first=0.1", "slow_chunk=0.02", "silence;events=2",
)  # fmt: skip
FAULTY = 0.05
LEAVING = 0.04
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Planned:
    """One call: `leaves` after the first piece of the answer."""

    session: str
    path: str
    body: bytes
    headers: dict[str, str]
    leaves: bool


@dataclass
class Tally:
    """How calls ended, as their clients saw it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)
    """Sessions whose answer came whole, with status 200."""
    done: int = 0


def planned(number: int, rng: random.Random) -> Planned:
    """Call `number` of a run; the same for the same state of `rng`."""
    session = f"run-{number:06d}"
    text = f"say {rng.randint(3, 12)} words about {SECRET_TEXT} {number}"
    stream = rng.random() < 0.5
    asked = {"stream": True} if stream else {}
    path, body = rng.choice(
        [
            ("messages", messages(text, model=rng.choice(["claude-opus-5-5", "claude-haiku-5-5"]), **asked)),
            ("chat", chat(text, model="gpt-5.1", **asked)),
            ("responses", responses(text, model="gpt-5.1", **asked)),
            ("gemini-stream" if stream else "gemini", gemini(text)),
        ]
    )
    fault = rng.choice(FAULTS)
    if fault.startswith("silence") and rng.random() < 0.8:  # each holds a client for seconds
        fault = "status=503"
    faulty = {"x-fake-fault": fault} if rng.random() < FAULTY else {}
    return Planned(
        session=session,
        path=PATHS[path].format(model="gemini-3-flash"),
        body=msgspec.json.encode(body),
        headers={**HEADERS, "x-api-key": CLIENT_KEY, SESSION: session, **faulty},
        leaves=rng.random() < LEAVING,
    )


class Load:
    """`calls` calls by `clients` clients at once; `tally` fills while `run` goes on."""

    held_at: float = math.inf
    """No call begins once so many are done, until this is moved: so that a fast machine sees as many troubles."""

    def __init__(self, url: str, *, calls: int, clients: int, rng: random.Random) -> None:
        self.tally = Tally()
        self.calls = calls
        self._url = url
        self._clients = clients
        self._calls = iter([planned(number, rng) for number in range(calls)])

    async def run(self) -> None:
        """All calls, each once; a call that found nobody listening is made again, for it never began."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(self._client(session) for _ in range(self._clients)))

    async def _client(self, session: aiohttp.ClientSession) -> None:
        for call in self._calls:
            await self._let_go()
            outcome = await self._made_at_last(session, call)
            self.tally.outcomes[outcome] += 1
            self.tally.done += 1

    async def _let_go(self) -> None:
        while True:
            if self.tally.done < self.held_at:
                return
            await asyncio.sleep(0.02)

    async def _made_at_last(self, session: aiohttp.ClientSession, call: Planned) -> str:
        while True:
            outcome = await self._made(session, call)
            if outcome != "nobody listens":
                return outcome
            await asyncio.sleep(0.05)

    async def _made(self, session: aiohttp.ClientSession, call: Planned) -> str:
        try:
            async with session.post(self._url + call.path, data=call.body, headers=call.headers) as answer:
                if call.leaves:
                    await answer.content.readany()
                    answer.close()
                    return "left"
                await answer.read()
        except aiohttp.ClientConnectorError:
            return "nobody listens"
        except TimeoutError:
            return "hung"
        except (aiohttp.ClientError, OSError):
            return "broken"
        if answer.status == 200:
            self.tally.answered.add(call.session)
        return f"http {answer.status}"
