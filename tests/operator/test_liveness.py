"""When a watch is dead, and when only the API server is away."""

from __future__ import annotations

from ccproxy_operator.liveness import LIMIT_S, Liveness


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _watched() -> tuple[Liveness, Clock]:
    clock = Clock()
    return Liveness(("Secret", "Pod"), clock), clock


def test_a_silent_watch_is_dead_while_the_api_server_answers() -> None:
    liveness, clock = _watched()
    liveness.api_answered(True)
    clock.now_s += LIMIT_S - 1
    liveness.alive("Pod")
    assert liveness.dead() == []
    clock.now_s += 2
    assert liveness.dead() == ["Secret"]
    liveness.alive("Secret")
    assert liveness.dead() == []


def test_nothing_is_dead_while_the_api_server_is_away() -> None:
    liveness, clock = _watched()
    liveness.api_answered(True)
    liveness.api_answered(False)
    clock.now_s += 10 * LIMIT_S
    assert liveness.dead() == []


def test_watches_get_their_time_again_when_the_api_server_is_back() -> None:
    liveness, clock = _watched()
    liveness.api_answered(False)
    clock.now_s += 10 * LIMIT_S
    liveness.api_answered(True)
    assert liveness.dead() == []
    clock.now_s += LIMIT_S + 1
    liveness.api_answered(True)
    assert liveness.dead() == ["Secret", "Pod"]
