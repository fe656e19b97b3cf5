"""When a policy is said to be programmed, and when a moment's delay is not worth a word."""

from __future__ import annotations

from typing import Any

from ccproxy_operator.objects import Known
from ccproxy_operator.status.judgement import PATIENCE_S, Judgement, Verdict
from ccproxy_operator.status.programmed import Sidecar
from ccproxy_policy.cluster.namespaces import compile_namespace
from ccproxy_policy.cluster.objects import cluster_document
from ccproxy_policy.cluster.tenancy import Tenancy

KEY = ("RoutingPolicy", "a", "p")


class Scene:
    """One policy in namespace `a`, with a status that a test sets."""

    def __init__(self, *, mode: str = "Enforce", priority: Any = 0) -> None:
        self.now_s = 0.0
        self.status: dict[str, Any] = {}
        spec = {"mode": mode, "priority": priority, "default": {"deny": {"message": "no"}}}
        obj = {"apiVersion": "ccproxy.ai/v1alpha1", "kind": "RoutingPolicy", "spec": spec}
        self.document = cluster_document({**obj, "metadata": {"name": "p", "namespace": "a"}})
        self.judgement = Judgement(lambda _: self._known(), old=lambda _: False, clock_s=lambda: self.now_s)
        self.compile()

    def _known(self) -> Known:
        return Known("u", 1, 1, self.document, {}, None, self.status)

    def compile(self) -> None:
        compiled = compile_namespace(
            "a", [self.document], find=lambda *_: None, tenant="none", namespace_labels=lambda _: {}
        )
        self.judgement.compiled(compiled)

    def gather(self, *states: str) -> set[str]:
        return self.judgement.gathered(Sidecar("a", f"pod-{n}", {}, state) for n, state in enumerate(states))

    def verdict(self) -> Verdict:
        found = self.judgement.verdict(KEY)
        assert found is not None
        return found

    def reason(self) -> str:
        """Of Programmed; `kept` while the present one stays."""
        verdict = self.verdict()
        return "kept" if "Programmed" in verdict.kept else verdict.conditions[2].reason

    def said(self, status: str) -> None:
        self.status = {"conditions": [{"type": "Programmed", "status": status}]}


def test_a_policy_is_not_judged_before_the_first_gathering_of_a_term() -> None:
    scene = Scene()
    assert scene.judgement.verdict(KEY) is None
    assert scene.gather("InSync") == {"a"}
    assert scene.reason() == "Programmed"
    scene.judgement.forget_pods()
    assert scene.judgement.verdict(KEY) is None


def test_figures_of_an_older_compilation_are_not_told_of_a_newer() -> None:
    scene = Scene()
    scene.gather("InSync")
    scene.compile()
    assert scene.reason() == "kept"
    assert scene.gather("InSync") == {"a"}
    assert scene.reason() == "Programmed"


def test_a_moment_behind_is_no_news_but_a_longer_one_is() -> None:
    scene = Scene()
    scene.said("True")
    scene.gather("InSync", "Stale")
    assert scene.reason() == "kept"
    scene.now_s += PATIENCE_S / 2
    assert scene.gather("InSync", "Stale") == {"a"}
    assert scene.reason() == "kept"
    scene.now_s += PATIENCE_S
    scene.gather("InSync", "Stale")
    assert scene.reason() == "Pending"


def test_one_that_was_never_programmed_is_pending_at_once() -> None:
    scene = Scene()
    scene.gather("Stale")
    assert scene.reason() == "Pending"


def test_a_refusal_is_told_at_once() -> None:
    scene = Scene()
    scene.said("True")
    scene.gather("Rejected")
    assert scene.reason() == "Rejected"


def test_what_nobody_runs_is_not_programmed() -> None:
    off, bad = Scene(mode="Off"), Scene(priority="high")
    for scene in (off, bad):
        scene.gather("InSync")
    assert off.reason() == "Off"
    assert bad.reason() == "NotAccepted"


def test_nothing_new_is_gathered_when_nothing_changed() -> None:
    scene = Scene()
    scene.gather("InSync")
    assert scene.gather("InSync") == set()
    assert scene.gather("InSync", "InSync") == {"a"}


def test_a_tenant_is_told_how_many_namespaces_it_pays_for() -> None:
    judgement = Judgement(lambda _: None, old=lambda _: False, clock_s=lambda: 0.0)
    assert judgement.verdict(("Tenant", "", "t")) is None
    judgement.tenancy(Tenancy({"a": "t", "b": "t", "c": "other"}, ()))
    verdicts = [judgement.verdict(("Tenant", "", name)) for name in ("t", "nobody")]
    assert [verdict.namespaces for verdict in verdicts if verdict] == [2, 0]
