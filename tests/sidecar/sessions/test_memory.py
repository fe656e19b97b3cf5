"""What a session remembers, and that it cannot grow without end."""

from __future__ import annotations

from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.dialect import Spawn
from ccproxy_sidecar.sessions.calibration import MAX_MODELS, START_TOKENS_PER_BYTE, Calibration
from ccproxy_sidecar.sessions.memory import (
    AMBIGUOUS,
    MAX_AGENTS,
    MAX_SPAWNS,
    MAX_THREADS,
    SPAWN_TTL_S,
    LastCount,
    Session,
    Sessions,
)  # fmt: skip


def test_the_same_id_is_the_same_session_and_another_is_not() -> None:
    sessions = Sessions()
    assert sessions.get("a") is sessions.get("a")
    assert sessions.get("a") is not sessions.get("b")


def test_the_session_used_longest_ago_is_forgotten_first() -> None:
    sessions = Sessions(max_sessions=2)
    first, second = sessions.get("a"), sessions.get("b")
    assert sessions.get("a") is first
    sessions.get("c")
    assert len(sessions) == 2
    assert sessions.get("a") is first
    assert sessions.get("b") is not second


def test_settling_keeps_the_last_count_per_thread() -> None:
    sessions = Sessions()
    session = sessions.get("a")
    usage = Usage(uncached=10, cache_read=100, cache_write_5m=5, cache_write_1h=2, output=7)
    sessions.settle(session, usage=usage, body_bytes=500, spawns=(), model="m", now_s=0)
    sessions.settle(session, usage=Usage(uncached=3), body_bytes=9, spawns=(), model="m", now_s=0, thread="utility")
    assert session.last("main") == LastCount(input_tokens=117, cached_tokens=107, body_bytes=500)
    assert session.last("utility") == LastCount(input_tokens=3, cached_tokens=0, body_bytes=9)
    assert session.last("other") is None


def test_an_answer_without_usage_leaves_the_last_count() -> None:
    sessions = Sessions()
    session = sessions.get("a")
    sessions.settle(session, usage=Usage(uncached=10), body_bytes=50, spawns=(), model="m", now_s=0)
    sessions.settle(session, usage=Usage(), body_bytes=90, spawns=(), model="m", now_s=1)
    assert session.last("main") == LastCount(10, 0, 50)


def test_a_call_without_a_session_still_teaches_its_model() -> None:
    sessions = Sessions()
    for _ in range(40):
        sessions.settle(None, usage=Usage(uncached=5_000), body_bytes=10_000, spawns=(), model="m", now_s=0)
    assert abs(sessions.calibration.tokens_per_byte("m") - 0.5) < 0.01
    assert sessions.get("later").calibration is sessions.calibration


def test_an_exact_count_of_the_same_prompt_teaches_the_factor() -> None:
    sessions = Sessions()
    session = sessions.get("a")
    for size in range(20_000, 20_040):
        session.counted = (size, 4_000)
        sessions.settle(session, usage=Usage(uncached=5_000), body_bytes=size, spawns=(), model="m", now_s=0)
    assert abs(sessions.calibration.factor("m") - 1.25) < 0.01
    assert sessions.calibration.factor("other") == 1.0


def test_the_count_of_another_prompt_teaches_no_factor() -> None:
    sessions = Sessions()
    session = sessions.get("a")
    session.counted = (20_000, 4_000)
    sessions.settle(session, usage=Usage(uncached=5_000), body_bytes=20_001, spawns=(), model="m", now_s=0)
    assert sessions.calibration.factor("m") == 1.0


def test_counts_that_no_text_can_have_teach_nothing() -> None:
    calibration = Calibration()
    calibration.learn_bytes("m", tokens=0, body_bytes=5_000)
    calibration.learn_bytes("m", tokens=9_000, body_bytes=5_000)
    calibration.learn_bytes("m", tokens=90, body_bytes=100)
    calibration.learn_factor("m", tokens=40_000, counted=1_000)
    calibration.learn_factor("m", tokens=10, counted=9)
    assert calibration.tokens_per_byte("m") == START_TOKENS_PER_BYTE
    assert calibration.factor("m") == 1.0


def test_models_are_forgotten_beyond_the_bound() -> None:
    calibration = Calibration()
    for number in range(MAX_MODELS + 1):
        calibration.learn_bytes(f"m{number}", tokens=9_000, body_bytes=10_000)
    assert calibration.tokens_per_byte("m0") == START_TOKENS_PER_BYTE
    assert calibration.tokens_per_byte("m1") > START_TOKENS_PER_BYTE


def test_a_spawned_prompt_names_its_agent_until_it_is_too_old() -> None:
    session = Session(Calibration())
    session.note_spawn(Spawn("rust-specialist", "port the parser"), now_s=0)
    assert session.spawned("port the parser", now_s=SPAWN_TTL_S - 1) == "rust-specialist"
    assert session.spawned("port the parser", now_s=2 * SPAWN_TTL_S - 2) == "rust-specialist"
    assert session.spawned("port the parser", now_s=3 * SPAWN_TTL_S) is None
    assert session.spawned("port the parser ", now_s=1) is None


def test_one_prompt_for_two_types_is_only_some_subagent() -> None:
    session = Session(Calibration())
    session.note_spawn(Spawn("Explore", "look around"), now_s=0)
    session.note_spawn(Spawn("Explore", "look around"), now_s=0)
    assert session.spawned("look around", now_s=1) == "Explore"
    session.note_spawn(Spawn("Plan", "look around"), now_s=2)
    assert session.spawned("look around", now_s=3) == AMBIGUOUS


def test_everything_a_session_keeps_is_bounded() -> None:
    session = Session(Calibration())
    for number in range(1_000):
        session.note_spawn(Spawn("Explore", f"prompt {number}"), now_s=0)
        session.note_agent(f"id {number}", "Explore")
        session.note_count(f"thread {number}", LastCount(1, 1, 1))
    assert sum(session.spawned(f"prompt {n}", now_s=1) is not None for n in range(1_000)) == MAX_SPAWNS
    assert sum(session.agent(f"id {n}") is not None for n in range(1_000)) == MAX_AGENTS
    assert sum(session.last(f"thread {n}") is not None for n in range(1_000)) == MAX_THREADS
    assert session.agent("id 999") == "Explore"
