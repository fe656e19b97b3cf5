"""Orders of targets: as written, in turn, by weight, and constant within a conversation."""

from __future__ import annotations

import random
from collections import Counter

from ccproxy_contract.snapshot import Route, Strategy, Target
from ccproxy_sidecar.upstream.balance import Balance


def route(strategy: Strategy, *weights: int) -> Route:
    return Route(strategy=strategy, targets=tuple(Target(backend=f"b{i}", weight=w) for i, w in enumerate(weights)))


def firsts(balance: Balance, of: Route, conversations: int) -> Counter[str]:
    return Counter(balance.order(of, rule="r", conversation=str(i))[0].backend for i in range(conversations))


def test_priority_keeps_the_written_order() -> None:
    order = Balance(random.Random(1)).order(route("Priority", 1, 1, 1), rule="r", conversation="c")
    assert [t.backend for t in order] == ["b0", "b1", "b2"]


def test_round_robin_gives_each_target_the_same_share() -> None:
    assert firsts(Balance(random.Random(1)), route("RoundRobin", 1, 1, 1), 30) == {"b0": 10, "b1": 10, "b2": 10}


def test_weights_are_shares() -> None:
    shares = firsts(Balance(random.Random(1)), route("Weighted", 9, 1, 0), 2000)
    assert shares["b2"] == 0
    assert 1700 < shares["b0"] < 1900


def test_a_conversation_keeps_its_target() -> None:
    balance, weighted = Balance(random.Random(1)), route("Weighted", 1, 1)
    assert len({balance.order(weighted, rule="r", conversation="same")[0].backend for _ in range(50)}) == 1


def test_the_other_targets_follow_as_fail_over() -> None:
    order = Balance(random.Random(1)).order(route("Weighted", 0, 5, 5), rule="r", conversation="c")
    assert {t.backend for t in order} == {"b1", "b2"}


def test_a_remembered_choice_that_a_reload_removed_is_drawn_anew() -> None:
    balance = Balance(random.Random(3))
    for i in range(20):
        balance.order(route("RoundRobin", 1, 1, 1), rule="r", conversation=str(i))
    assert all(len(balance.order(route("RoundRobin", 1, 1), rule="r", conversation=str(i))) == 2 for i in range(20))
