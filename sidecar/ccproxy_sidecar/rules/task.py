"""`task`: what kind of work the call is for its agent (found by `sessions/tasks.py`). Next: `agents.py`."""

from __future__ import annotations

from ccproxy_contract.snapshot import Task
from ccproxy_sidecar.call import Call


class TaskIs:
    __slots__ = ("_wanted",)
    field = "task"

    def __init__(self, wanted: tuple[Task, ...]) -> None:
        self._wanted = frozenset(wanted)

    def holds(self, call: Call) -> bool:
        return call.task in self._wanted

    def why(self, call: Call) -> str:
        return f"the task is {call.task}"
