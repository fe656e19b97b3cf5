"""The order in which a route's targets are tried.

A conversation keeps the target it began with under RoundRobin and Weighted: another model in mid-session throws away
the provider's cache and cannot read signed thinking. Must not know health or price (later strategies will).
Next: `../stages/forward.py`.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from itertools import accumulate

from ccproxy_contract.snapshot import Route, Target

_MAX_REMEMBERED = 10_000


class Balance:
    """Chooses first targets; `rng` makes the choice repeatable in tests."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._turns: dict[str, int] = {}
        self._chosen: OrderedDict[tuple[str, str], int] = OrderedDict()

    def order(self, route: Route, *, rule: str, conversation: str) -> tuple[Target, ...]:
        """All targets with a share, first choice first; the others follow in the written order as fail-over."""
        targets = route.targets
        if route.strategy == "Priority" or len(targets) == 1:
            return targets
        first = self._first(route, rule=rule, conversation=conversation)
        rest = [t for i, t in enumerate(targets) if i != first and (t.weight or route.strategy == "RoundRobin")]
        return (targets[first], *rest)

    def _first(self, route: Route, *, rule: str, conversation: str) -> int:
        key = (rule, conversation)
        known = self._chosen.get(key)
        if known is not None and known < len(route.targets):
            self._chosen.move_to_end(key)
            return known
        chosen = self._next_turn(rule, len(route.targets)) if route.strategy == "RoundRobin" else self._drawn(route)
        self._chosen[key] = chosen
        if len(self._chosen) > _MAX_REMEMBERED:
            self._chosen.popitem(last=False)
        return chosen

    def _next_turn(self, rule: str, count: int) -> int:
        turn = self._turns.get(rule, 0)
        self._turns[rule] = turn + 1
        return turn % count

    def _drawn(self, route: Route) -> int:
        sums = list(accumulate(target.weight for target in route.targets))
        point = self._rng.randrange(sums[-1]) if sums[-1] else 0
        return next(index for index, upper in enumerate(sums) if point < upper or not sums[-1])
