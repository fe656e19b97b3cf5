"""What each object's status should say now: problems from compiling, figures from the sidecars, reports from children.

A condition of which nothing new is known yet keeps standing as it is, with its own observedGeneration. Must not write.
Next: `writer.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ccproxy_operator.objects import Known
from ccproxy_operator.status.conditions import Condition, accepted, credentials, resolved
from ccproxy_operator.status.programmed import TYPE, Sidecar, figures, not_running, programmed
from ccproxy_policy.cluster.namespaces import CompiledNamespace, CompiledPolicy
from ccproxy_policy.cluster.objects import Key, object_file
from ccproxy_policy.cluster.tenancy import Tenancy
from ccproxy_policy.cluster.workloads import selects
from ccproxy_policy.problems import Problem

PATIENCE_S: Final = 3.0
"""So long a policy that was programmed may be behind before that is said: an edit takes one, a lost replica two."""
COMPRESSOR_READY: Final = "CompressorReady"


class Verdict(NamedTuple):
    """Conditions to write, and what stays as it is: types of conditions, and whole fields of the status."""

    conditions: tuple[Condition, ...]
    sidecars: dict[str, int] | None = None
    namespaces: int | None = None
    """Of a Tenant: how many it pays for."""
    kept: tuple[str, ...] = ()


class Judgement:
    """Fed by the rounds of compiling and by each gathering; asked by the writer.

    `known` looks an object up; `old` says that a namespace waits to be compiled again (empty: the tenants do).
    """

    def __init__(
        self, known: Callable[[Key], Known | None], *, old: Callable[[str], bool], clock_s: Callable[[], float]
    ) -> None:
        self._known = known
        self._clock_s = clock_s
        self._behind_s: dict[Key, float] = {}
        self._old = old
        self._compiled: dict[str, CompiledNamespace] = {}
        self._problems: dict[str, dict[str, list[Problem]]] = {}
        self._tenants: dict[str, list[Problem]] | None = None
        self._namespaces: Counter[str] = Counter()
        self._pods: dict[str, list[Sidecar]] | None = None
        self._not_gathered: set[str] = set()
        self._reports: dict[Key, Condition] = {}

    def compiled(self, compiled: CompiledNamespace) -> None:
        """A namespace was compiled; its pods' progress is not known anew yet."""
        self._compiled[compiled.namespace] = compiled
        self._problems[compiled.namespace] = _by_file(compiled.problems)
        self._not_gathered.add(compiled.namespace)

    def gone(self, namespace: str) -> None:
        """A namespace is deleted."""
        self._compiled.pop(namespace, None)
        self._problems.pop(namespace, None)

    def tenancy(self, tenancy: Tenancy) -> None:
        """Tenants were compiled."""
        self._tenants = _by_file(tenancy.problems)
        self._namespaces = Counter(tenancy.by_namespace.values())

    def gathered(self, pods: Iterable[Sidecar]) -> set[str]:
        """All injected pods with what they run, measured against what was compiled last.

        Returns the namespaces of which something new is known.
        """
        by_namespace: dict[str, list[Sidecar]] = {}
        for pod in pods:
            by_namespace.setdefault(pod.namespace, []).append(pod)
        before = self._pods if self._pods is not None else {}
        names = by_namespace.keys() | before.keys()
        news = {name for name in names if by_namespace.get(name) != before.get(name)} | self._not_gathered
        self._behind_s = {key: at_s for key, at_s in self._behind_s.items() if self._known(key) is not None}
        news |= {namespace for _, namespace, _ in self._behind_s}
        if self._pods is None:
            news |= self._compiled.keys()
        self._pods = by_namespace
        self._not_gathered.clear()
        return news

    def forget_pods(self) -> None:
        """This replica leads no more (or not yet): it does not know what the sidecars of others run."""
        self._pods = None
        self._behind_s.clear()

    def report(self, key: Key, condition: Condition | None) -> None:
        """What the leader's other parts say of an object, such as CompressorReady; None: nothing any more."""
        if condition is None:
            self._reports.pop(key, None)
        else:
            self._reports[key] = condition

    def verdict(self, key: Key) -> Verdict | None:
        """None: nothing to say yet."""
        kind, namespace, name = key
        if kind == "Tenant":
            return self._tenant(name)
        problems = self._problems.get(namespace)
        known = self._known(key)
        if problems is None or known is None or known.document is None or self._old(namespace):
            return None
        found = problems.get(object_file(kind, namespace, name), [])
        spec = _spec(known)
        if kind == "RoutingPolicy":
            return self._policy(key, known, found)
        return self._backend(key, spec, found=found)

    def _tenant(self, name: str) -> Verdict | None:
        if self._tenants is None or self._old(""):
            return None
        found = self._tenants.get(object_file("Tenant", "", name), [])
        return Verdict((accepted(found),), namespaces=self._namespaces[name])

    def _policy(self, key: Key, known: Known, found: Sequence[Problem]) -> Verdict | None:
        _, namespace, name = key
        stated = (accepted(found), resolved(found))
        compiled = next((one for one in self._compiled[namespace].policies if one.name == name), None)
        if compiled is None:
            return Verdict((*stated, not_running("NotAccepted")))
        if compiled.mode == "Off":
            return Verdict((*stated, not_running("Off")))
        if self._pods is None:
            return None
        pods = self._selected(namespace, compiled)
        condition = programmed(name, pods)
        if namespace in self._not_gathered or self._patient(key, known, condition):
            return Verdict(stated, kept=(TYPE, "sidecars"))
        return Verdict((*stated, condition), sidecars=figures(pods))

    def _patient(self, key: Key, known: Known, condition: Condition) -> bool:
        """Is it behind only since a moment, and said to be programmed?"""
        if condition.reason != "Pending" or not _says_programmed(known.status):
            self._behind_s.pop(key, None)
            return False
        if self._clock_s() - self._behind_s.setdefault(key, self._clock_s()) < PATIENCE_S:
            return True
        del self._behind_s[key]
        return False

    def _selected(self, namespace: str, compiled: CompiledPolicy) -> list[Sidecar]:
        pods = (self._pods or {}).get(namespace, ())
        return [pod for pod in pods if selects(compiled, pod.labels)]

    def _backend(self, key: Key, spec: Mapping[str, Any], *, found: Sequence[Problem]) -> Verdict:
        stated = (accepted(found), resolved(found))
        if spec.get("compressor") is None:
            return Verdict((*stated, credentials(spec, found)))
        report = self._reports.get(key)
        return Verdict(stated, kept=(COMPRESSOR_READY,)) if report is None else Verdict((*stated, report))


def _spec(known: Known) -> Mapping[str, Any]:
    value = known.document.value if known.document is not None else {}
    spec = value.get("spec") if isinstance(value, dict) else {}
    return spec if isinstance(spec, dict) else {}


def _says_programmed(status: Mapping[str, Any]) -> bool:
    return any(one.get("type") == TYPE and one.get("status") == "True" for one in status.get("conditions") or ())


def _by_file(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.file, []).append(problem)
    return found
