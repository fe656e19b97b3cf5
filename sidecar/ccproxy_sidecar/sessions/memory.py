"""What the sidecar remembers of each session: last counts, agents, spawned prompts. Bounded in every direction.

Must not hold prompt text: prompts are kept as hashes only. Next: `../stages/forward.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple, TypeVar

from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.dialect import Spawn
from ccproxy_sidecar.sessions.calibration import Calibration

K = TypeVar("K")
V = TypeVar("V")

MAX_THREADS = 64
MAX_AGENTS = 256
MAX_SPAWNS = 256
SPAWN_TTL_S = 6 * 3600.0
"""A subagent starts within seconds of its spawn; the rest is for agents that run for hours without an id."""
AMBIGUOUS = "subagent"
"""The same prompt was given to agents of two types: only that it is some subagent is known."""


class LastCount(NamedTuple):
    """What the provider last counted in one thread of the session, and how long the body was."""

    input_tokens: int
    cached_tokens: int
    body_bytes: int


class Session:
    """One conversation with its subagents. `now_s` is a monotonic clock."""

    __slots__ = ("_agents", "_counts", "_spawns", "calibration", "counted")

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        """Shared by all sessions of the process."""
        self.counted: tuple[int, int] | None = None
        """Body bytes and o200k tokens of the call that was last counted exactly."""
        self._counts: dict[str, LastCount] = {}
        self._agents: dict[str, str] = {}
        self._spawns: dict[bytes, tuple[str, float]] = {}

    def last(self, thread: str) -> LastCount | None:
        return self._counts.get(thread)

    def note_count(self, thread: str, count: LastCount) -> None:
        _put(self._counts, thread, count, most=MAX_THREADS)

    def agent(self, agent_id: str) -> str | None:
        """The type under which this agent was first seen."""
        return self._agents.get(agent_id)

    def note_agent(self, agent_id: str, agent: str) -> None:
        _put(self._agents, agent_id, agent, most=MAX_AGENTS)

    @property
    def has_spawns(self) -> bool:
        return bool(self._spawns)

    def note_spawn(self, spawn: Spawn, now_s: float) -> None:
        key = _prompt_key(spawn.prompt)
        held = self._spawns.get(key)
        unclear = held is not None and held[1] > now_s and held[0] != spawn.agent
        _put(self._spawns, key, (AMBIGUOUS if unclear else spawn.agent, now_s + SPAWN_TTL_S), most=MAX_SPAWNS)

    def spawned(self, prompt: str, now_s: float) -> str | None:
        """The agent that was started with exactly this prompt; each hit keeps the record alive."""
        key = _prompt_key(prompt)
        held = self._spawns.get(key)
        if held is None or held[1] <= now_s:
            return None
        _put(self._spawns, key, (held[0], now_s + SPAWN_TTL_S), most=MAX_SPAWNS)
        return held[0]


def _prompt_key(prompt: str) -> bytes:
    return sha256(prompt.encode("utf-8", "replace")).digest()


def _put(table: dict[K, V], key: K, value: V, *, most: int) -> None:
    """Set a key as the newest; beyond `most` the oldest goes. A plain dict: an empty one costs 64 bytes."""
    table.pop(key, None)
    table[key] = value
    if len(table) > most:
        del table[next(iter(table))]


class Sessions:
    """The sessions of one sidecar; the one used longest ago is forgotten first."""

    def __init__(self, max_sessions: int = 10_000) -> None:
        self._max = max_sessions
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self.calibration = Calibration()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session:
        """The session of this id, made when it is new."""
        session = self._sessions.get(session_id)
        if session is not None:
            self._sessions.move_to_end(session_id)
            return session
        session = self._sessions[session_id] = Session(self.calibration)
        if len(self._sessions) > self._max:
            self._sessions.popitem(last=False)
        return session

    def settle(
        self,
        session: Session | None,
        *,
        usage: Usage,
        body_bytes: int,
        spawns: Iterable[Spawn],
        model: str,
        now_s: float,
        thread: str = "main",
    ) -> None:
        """Take in what an answer taught. `thread` is `thread_of(call)`; `model` the one that the client asked for."""
        tokens = usage.input
        self.calibration.learn_bytes(model, tokens=tokens, body_bytes=body_bytes)
        if session is None:
            return
        for spawn in spawns:
            session.note_spawn(spawn, now_s)
        if session.counted is not None and session.counted[0] == body_bytes:
            self.calibration.learn_factor(model, tokens=tokens, counted=session.counted[1])
        if tokens:
            cached = usage.cache_read + usage.cache_write
            session.note_count(thread, LastCount(tokens, cached, body_bytes))
