"""Whatever a cluster holds: the same bytes in any order, no key where it may not be, no harm by a bad object."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_contract.features import FEATURES
from ccproxy_contract.snapshot import snapshot_bytes, snapshot_from_bytes
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import Key, cluster_document
from ccproxy_policy.documents import Document
from tests.policy.cluster_writing import DENY, Object, cut, policy, route, rule, thing
from tests.policy.test_properties import TREES

SPACES = ("a", "b", "c")
NAMES = ("x", "y", "z")
LABELS = {"a": {"team": "red"}, "b": {"team": "blue"}, "c": {}}
REFS = st.sampled_from([*NAMES, *(f"{space}/{name}" for space in SPACES for name in NAMES)])
PODS: tuple[dict[str, str], ...] = ({}, {"app": "one"}, {"app": "two", "team": "red"})
SELECTORS = st.sampled_from([{}, {"app": "one"}, {"team": "red", "app": "two"}])
ALLOWED = st.sampled_from(
    [{}, {"from": "All"}, {"from": "Selector", "selector": {"matchLabels": {"team": "red"}}}, {"from": "Selector"}]
)
MODES = st.sampled_from(["Enforce", "Shadow", "Off"])
DAYS = st.integers(1, 3).map(lambda day: f"2026-11-{day:02}T00:00:00Z")
TREATMENTS = st.just(DENY) | st.lists(REFS, min_size=1, max_size=3, unique=True).map(lambda refs: route(*refs))
MATCHES: st.SearchStrategy[Object] = st.sampled_from(
    [{}, {"contains": ["x"]}, {"models": ["claude-*"], "stream": True}]
)
OLD = FEATURES - {"match.contains", "match.stream"}


@st.composite
def policies(draw: st.DrawFn, name: str) -> Object:
    rules = [rule(f"r{n}", then, draw(MATCHES)) for n, then in enumerate(draw(st.lists(TREATMENTS, max_size=3)))]
    spec: dict[str, Any] = {
        "priority": draw(st.integers(0, 2)),
        "mode": draw(MODES),
        "failMode": draw(st.sampled_from(["Closed", "Open"])),
        "workloadSelector": {"matchLabels": draw(SELECTORS)},
        "rules": rules,
    }
    if default := draw(st.none() | TREATMENTS):
        spec["default"] = default
    return policy(name, spec, namespace=draw(st.sampled_from(SPACES)), created=draw(DAYS))


def _key(namespace: str, name: str) -> str:
    return f"sk-{namespace}-{name}"


@st.composite
def backends(draw: st.DrawFn, namespace: str, name: str) -> list[Object]:
    """A backend whose key tells whose it is, and most of the time its Secret."""
    spec = {
        "provider": draw(st.sampled_from(["Anthropic", "OpenAI"])),
        "credentials": {"secretRef": {"name": name, "key": "k"}},
        "allowedNamespaces": draw(ALLOWED),
        "models": [{"name": "m", "price": {"inputPerMTok": str(draw(st.integers(1, 9))), "outputPerMTok": "1"}}],
    }
    secret = thing("Secret", name, None, namespace=namespace)
    secret["data"] = {"k": base64.b64encode(_key(namespace, name).encode()).decode()}
    secret["metadata"]["labels"] = {"ccproxy.ai/credentials": draw(st.sampled_from(["true", "true", "false"]))}
    made = thing("ModelBackend", name, spec, namespace=namespace)
    return [made, secret] if draw(st.integers(0, 4)) else [made]


@st.composite
def clusters(draw: st.DrawFn) -> list[Object]:
    made = [one for space in SPACES for name in NAMES if draw(st.booleans()) for one in draw(backends(space, name))]
    return made + [draw(policies(f"p{n}")) for n in range(draw(st.integers(0, 5)))]


def _documents(objects: list[Object]) -> dict[Key, Document]:
    return {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): cluster_document(o) for o in objects}


def _compiled(known: dict[Key, Document], namespace: str) -> CompiledNamespace:
    own = [document for (kind, of, _), document in known.items() if of == namespace and kind != "Secret"]
    return compile_namespace(namespace, own, find=lambda *key: known.get(key), tenant="t", namespace_labels=LABELS.get)


def _slices(found: CompiledNamespace) -> list[bytes]:
    """What pods of three kinds get, with a new and an old sidecar."""
    return [
        snapshot_bytes(cut(found, labels=labels, features=features).snapshot)
        for labels in PODS
        for features in (FEATURES, OLD)
    ]


@settings(max_examples=100, deadline=None)
@given(clusters(), st.randoms(use_true_random=False))
def test_the_order_of_objects_and_what_was_kept_do_not_matter(objects: list[Object], random: Any) -> None:
    known = _documents(objects)
    random.shuffle(objects)
    shuffled = _documents(objects)
    for space in SPACES:
        once, again, kept = _compiled(known, space), _compiled(shuffled, space), _compiled(known, space)
        assert once == again == kept
        assert _slices(once) == _slices(again) == _slices(kept)
        assert all(snapshot_from_bytes(raw).hash for raw in _slices(once))


@settings(max_examples=100, deadline=None)
@given(clusters(), clusters())
def test_what_was_kept_of_an_older_cluster_does_not_matter(before: list[Object], after: list[Object]) -> None:
    """The same documents of policies and backends meet other Secrets, other neighbours and other grants."""
    kept, changed = _documents(before), _documents(after)
    for space in SPACES:
        _compiled(kept, space)
    mixed = {**changed, **{key: kept[key] for key in list(kept)[::2]}}
    fresh = {key: Document(d.file, d.line, d.value, created=d.created) for key, d in mixed.items()}
    for space in SPACES:
        assert _compiled(mixed, space) == _compiled(fresh, space)


def _may_use(known: dict[Key, Document], namespace: str, name: str) -> bool:
    """The design's words, said again: own, or of another namespace that allows it; its Secret labelled."""
    of, _, bare = name.rpartition("/")
    value: Any = known["ModelBackend", of or namespace, bare].value
    secret: Any = known["Secret", of or namespace, bare].value
    allowed = value["spec"]["allowedNamespaces"]
    selected = allowed.get("selector", {}).get("matchLabels", {"nobody": ""}).items() <= LABELS[namespace].items()
    shared = allowed.get("from") == "All" or (allowed.get("from") == "Selector" and selected)
    return secret["metadata"]["labels"]["ccproxy.ai/credentials"] == "true" and (not of or shared)


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_a_slice_never_holds_a_key_that_its_workload_may_not_have(objects: list[Object]) -> None:
    known = _documents(objects)
    for space in SPACES:
        found = _compiled(known, space)
        there = [one for one in objects if one["metadata"]["name"] in {policy.name for policy in found.policies}]
        named_by_all = {ref.removeprefix(f"{space}/") for ref in _refs(there, space, None)}
        for labels in PODS:
            named = {ref.removeprefix(f"{space}/") for ref in _refs(there, space, labels)}
            for backend in cut(found, labels=labels).snapshot.backends:
                of, _, bare = backend.name.rpartition("/")
                assert backend.credential.key == _key(of or space, bare)
                assert _may_use(known, space, backend.name)
                assert backend.name in named or (not of and backend.name not in named_by_all)
        assert "sk-" not in repr(found)


def _refs(objects: list[Object], namespace: str, labels: dict[str, str] | None) -> set[str]:
    """Backends that policies of the namespace name, of those that select such pods (`None`: of all) and are not Off."""
    found = set()
    for one in objects:
        if one["kind"] != "RoutingPolicy" or one["metadata"]["namespace"] != namespace or one["spec"]["mode"] == "Off":
            continue
        if labels is None or one["spec"]["workloadSelector"]["matchLabels"].items() <= labels.items():
            treatments = [*(rule["then"] for rule in one["spec"]["rules"]), one["spec"].get("default", {})]
            found |= {target["backend"] for then in treatments for target in then.get("route", {}).get("targets", [])}
    return found


@settings(max_examples=150, deadline=None)
@given(clusters(), st.sampled_from(["RoutingPolicy", "ModelBackend", "Unheard"]), TREES)
def test_a_bad_object_never_changes_what_the_good_ones_compile_to(objects: list[Object], kind: str, spec: Any) -> None:
    known = _documents(objects)
    bad = known | _documents([thing(kind, "bad", spec, namespace="a", created="2026-11-01T00:00:00Z")])
    found, disturbed = _compiled(known, "a"), _compiled(bad, "a")

    if "bad" in {*disturbed.backends, *(one.name for one in disturbed.policies)}:
        return  # it was a good one
    assert _slices(disturbed) == _slices(found)
    assert disturbed.policies == found.policies
    assert {p for p in disturbed.problems if not p.file.endswith("a/bad")} == set(found.problems)
    assert _slices(_compiled(bad, "b")) == _slices(_compiled(known, "b"))
