"""What one namespace's objects compile to: order, references within and between namespaces, broken rules, prices."""

from __future__ import annotations

from typing import Any

import pytest

from ccproxy_contract.snapshot import Credential, Route, Target
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import cluster_document
from ccproxy_policy.cluster.references import MAX_GUESSES
from tests.policy.cluster_writing import (
    DENY,
    backend,
    compiled,
    keyed,
    policy,
    route,
    rule,
    secret,
    slice_of,
    thing,
    told,
)


def _order(found: CompiledNamespace) -> list[str]:
    return [one.name for one in found.policies]


def test_policies_stand_by_priority_then_age_then_name() -> None:
    found = compiled(
        policy("young-b", {}, created="2026-11-21T10:00:00Z"),
        policy("young-a", {}, created="2026-11-21T10:00:00Z"),
        policy("old", {}, created="2026-11-20T10:00:00Z"),
        policy("not-there-yet", {}, created=""),
        policy("first", {"priority": 5}, created="2026-11-22T10:00:00Z"),
    )

    assert _order(found) == ["first", "old", "young-a", "young-b", "not-there-yet"]
    assert found.problems == ()


def test_an_objects_status_and_other_metadata_make_no_other_document() -> None:
    one, other = policy("p", {}), policy("p", {})
    other["status"] = {"conditions": []}
    other["metadata"] |= {"managedFields": [{}], "resourceVersion": "8", "annotations": {"x": "y" * 9000}, "uid": "u"}

    assert cluster_document(one) == cluster_document(other)
    assert cluster_document(one).file == "RoutingPolicy a/p"


def test_a_change_of_the_object_does_not_reach_the_document() -> None:
    one = policy("p", {"rules": [rule("r", DENY)]})
    made = cluster_document(one)
    one["spec"]["rules"].clear()

    assert made == cluster_document(policy("p", {"rules": [rule("r", DENY)]}))


def test_a_missing_backend_breaks_its_rule_and_no_other() -> None:
    found = compiled(
        backend("anthropic"),
        policy("p", {"rules": [rule("broken", route("antropic")), rule("works", route("anthropic"))]}),
    )
    broken, works = slice_of(found).rules

    assert (broken.broken, works.broken) == ("no usable backend: antropic", "")
    assert [(problem.condition, problem.reason) for problem in found.problems] == [("ResolvedRefs", "BackendNotFound")]
    assert found.problems[0].text == (
        "RoutingPolicy a/p: spec.rules[0].then.route.targets[0].backend: "
        "there is no ModelBackend `antropic`; did you mean `anthropic`?"
    )


def test_a_policy_says_why_its_backend_cannot_be_used() -> None:
    found = compiled(keyed("anthropic"), policy("p", {"default": route("anthropic")}))

    assert [(file, reason) for file, reason, _ in told(found)] == [
        ("ModelBackend a/anthropic", "SecretNotFound"),
        ("RoutingPolicy a/p", "BackendNotUsable"),
    ]
    assert "(SecretNotFound): there is no Secret `keys`" in found.problems[1].message
    assert {problem.condition for problem in found.problems} == {"ResolvedRefs"}


def test_it_heals_when_the_secret_appears() -> None:
    objects = (keyed("anthropic"), policy("p", {"default": route("anthropic")}))
    assert ("Secret", "a", "keys") in compiled(*objects).uses
    healed = compiled(*objects, secret())

    assert healed.problems == ()
    assert slice_of(healed).backends[0].credential == Credential(kind="Key", key="sk-secret-1")


def test_a_policy_that_is_wrong_itself_is_left_out_as_a_whole() -> None:
    found = compiled(policy("p", {"rules": [rule("r", {}), rule("s", DENY)]}), policy("q", {"default": DENY}))

    assert _order(found) == ["q"]
    assert [(problem.condition, problem.reason) for problem in found.problems] == [("Accepted", "Invalid")]


def test_a_policy_that_is_off_is_there_without_rules() -> None:
    found = compiled(policy("p", {"mode": "Off", "default": route("nowhere"), "rules": [rule("r", DENY)]}))

    assert (found.policies[0].mode, found.policies[0].rules, found.policies[0].default) == ("Off", (), None)
    assert found.problems == ()


FOREIGN = policy("p", {"default": route("b/shared")})


@pytest.mark.parametrize(
    ("allowed", "labels", "permitted"),
    [
        ({}, {}, False),
        ({"from": "Same"}, {}, False),
        ({"from": "All"}, None, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}, {"team": "x", "more": "y"}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}, {"team": "z"}, False),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}, None, False),
    ],
)
def test_another_namespaces_backend_needs_its_owners_leave(
    allowed: dict[str, Any], labels: dict[str, str] | None, permitted: bool
) -> None:
    shared = keyed("shared", {"allowedNamespaces": allowed}, namespace="b")
    found = compiled(FOREIGN, shared, secret(namespace="b"), labels=labels)

    assert [reason for _, reason, _ in told(found)] == ([] if permitted else ["RefNotPermitted"])
    assert [b.name for b in slice_of(found).backends] == (["b/shared"] if permitted else [])
    assert ("ModelBackend", "b", "shared") in found.uses
    assert (("Namespace", "", "a") in found.uses) == (allowed.get("from") == "Selector")


def test_another_namespaces_backend_uses_the_secret_of_its_own_namespace() -> None:
    shared = keyed("shared", {"allowedNamespaces": {"from": "All"}}, namespace="b")
    found = compiled(FOREIGN, shared, secret(namespace="b", value="sk-b"), secret(value="sk-a"))
    default = slice_of(found).default

    assert found.backends["b/shared"].credential.key == "sk-b"
    assert default is not None
    assert default.then.route == Route(targets=(Target(backend="b/shared"),))


def test_another_namespace_is_told_the_reason_but_not_the_details() -> None:
    shared = keyed("shared", {"allowedNamespaces": {"from": "All"}}, namespace="b")

    message = "ModelBackend `b/shared` cannot be used (SecretNotFound); see its status"
    assert told(compiled(FOREIGN, shared)) == [("RoutingPolicy a/p", "BackendNotUsable", message)]


def test_a_missing_backend_of_another_namespace_is_named() -> None:
    message = "there is no ModelBackend `shared` in namespace `b`; mend the name or make it"
    assert told(compiled(FOREIGN)) == [("RoutingPolicy a/p", "BackendNotFound", message)]


def test_advice_names_the_own_backends_alone() -> None:
    shared = backend("shared", {"allowedNamespaces": {"from": "All"}}, namespace="b")
    found = compiled(FOREIGN, shared, backend("own"), policy("q", {"default": route("qqq")}))

    assert [m for _, _, m in told(found)] == ["there is no ModelBackend `qqq`; write one of own"]


def test_the_own_namespace_may_be_written_out() -> None:
    found = compiled(backend("anthropic"), policy("p", {"default": route("a/anthropic")}))

    assert found.problems == ()
    assert found.named == {"anthropic"}


def test_one_backend_under_two_spellings_stands_twice() -> None:
    found = compiled(backend("anthropic"), policy("p", {"default": route("a/anthropic", "anthropic")}))

    assert [m for _, _, m in told(found)] == ["this target stands twice in the route; keep one of them"]


def test_a_compressor_is_no_place_for_calls() -> None:
    cpu = thing("ModelBackend", "small", {"compressor": {"engine": "Cpu"}})
    found = compiled(cpu, policy("p", {"default": route("small")}))

    assert found.backends == {}
    message = "ModelBackend `small` is a compressor, which answers no calls; name one with a provider"
    assert told(found) == [("RoutingPolicy a/p", "BackendNotRoutable", message)]


MODEL = "mistralai/Mistral-7B-v0.2"


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ({"compressor": {"engine": "Cpu", "replicas": 2}}, []),
        ({"compressor": {"engine": "QRHead", "model": MODEL, "quantization": "Int4", "adapterRef": "x/y",
                         "gpu": {"product": ["NVIDIA-A10"], "count": 1}}}, []),
        ({"compressor": {"engine": "Cpu"}, "provider": "OpenAI"},
         ["spec.compressor: has both provider and compressor; keep one of them"]),
        ({"compressor": {"engine": "Cpu"}, "endpoint": {"url": "https://x.example"}},
         ["spec.endpoint: belongs to a provider, a compressor has none; leave it out"]),
        ({"compressor": {"engine": "Cpu", "gpu": {}, "adapterRef": "x"}},
         ["spec.compressor.adapterRef: goes with engine: QRHead; leave it out",
          "spec.compressor.gpu: goes with engine: QRHead; leave it out"]),
        ({"compressor": {"engine": "QRHead"}},
         ["spec.compressor.model: is missing; write model: mistralai/Mistral-7B-v0.2, or another model"]),
        ({"compressor": {"engine": "Gpu"}}, ["spec.compressor.engine: write one of QRHead, Cpu; did you mean `Cpu`?"]),
        ({"compressor": {"engine": "QRHead", "model": MODEL, "gpu": {"product": ["a b"]}}},
         ["spec.compressor.gpu.product[0]: write the value of a node's label, for example `NVIDIA-A10`"]),
        ({}, ["spec.provider: is missing; write provider: Anthropic, or another provider"]),
        ({"provider": "VLLM", "allowedNamespaces": {"from": "Selector"}},
         ["spec.allowedNamespaces.selector: is missing; write selector: {matchLabels: {LABEL: VALUE}}, or from: All"]),
        ({"provider": "VLLM", "allowedNamespaces": {"from": "All", "selector": {"matchLabels": {"a": "b"}}}},
         ["spec.allowedNamespaces.selector: goes with from: Selector; write that, or leave selector out"]),
        ({"provider": "VLLM", "allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {}}}},
         ["spec.allowedNamespaces.selector.matchLabels: too few entries; write at least 1"]),
        ({"provider": "Groq", "credentials": {"env": "GROQ_API_KEY"}},
         ["spec.credentials.env: works on a laptop only; put the key into a Secret with the label "
          "ccproxy.ai/credentials=true and write secretRef: {name: NAME, key: KEY}"]),
        ({"provider": "Groq"},
         ["spec.credentials: is missing; write {secretRef: {name: NAME, key: KEY}}, or {passThrough: true} to send the "
          "client's own key on"]),
        ({"provider": "Groq", "credentials": {}}, ["spec.credentials: write exactly one of secretRef, passThrough"]),
        ({"provider": "Groq", "credentials": {"passThrough": True}, "pool": {}},
         ["spec.pool: pool is planned, not built; leave it out"]),
    ],
)  # fmt: skip
def test_a_backend_of_a_cluster_is_answered_with(spec: dict[str, Any], problems: list[str]) -> None:
    found = compiled(thing("ModelBackend", "b", spec))

    assert [problem.text for problem in found.problems] == [f"ModelBackend a/b: {text}" for text in problems]
    assert bool(found.backends) == (not problems and "compressor" not in spec)
    assert {problem.condition for problem in found.problems} <= {"Accepted"}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"limits": {}}, "spec.limits: limits is planned, not built; leave it out"),
        ({"failMode": "Shut"}, "spec.failMode: write one of Closed, Open"),
        ({"rules": [rule("r", DENY, {"class": "a:B"})]},
         "spec.rules[0].match.class: a rule of your own works on a laptop only; say it with the other fields of match"),
    ],
)  # fmt: skip
def test_a_policy_of_a_cluster_is_answered_with(spec: dict[str, Any], problem: str) -> None:
    assert [found.text for found in compiled(policy("p", spec)).problems] == [f"RoutingPolicy a/p: {problem}"]


def test_a_backends_own_prices_stand_under_its_namespace() -> None:
    models = {"models": [{"name": "m", "price": {"inputPerMTok": "1", "outputPerMTok": "2"}}]}
    other = {"models": [{"name": "m", "price": {"inputPerMTok": "3", "outputPerMTok": "4"}}]}
    found = compiled(
        backend("same", models),
        backend("same", other | {"allowedNamespaces": {"from": "All"}}, namespace="b"),
        policy("p", {"default": route("same", "b/same")}),
    )

    assert found.backends["same"].price_keys == ("backend/a/same", "anthropic")
    assert found.backends["b/same"].price_keys == ("backend/b/same", "anthropic")
    rates = [found.book.keys[f"backend/{name}"][0].periods[0].tiers[0].input for name in ("a/same", "b/same")]
    assert rates == [10**6, 3 * 10**6]
    assert set(found.book.keys) == {"anthropic", "openai", "google", "backend/a/same", "backend/b/same"}


def test_what_did_not_change_is_not_compiled_again() -> None:
    known = [cluster_document(one) for one in (backend("b"), policy("p", {"default": route("b")}))]

    def once() -> CompiledNamespace:
        return compile_namespace("a", known, find=lambda *_: None, tenant="t", namespace_labels=lambda _: None)

    first, second = once(), once()
    assert first == second
    assert first.policies[0] is second.policies[0]
    assert first.backends["b"] is second.backends["b"]


def test_patterns_that_would_keep_everybody_waiting_are_left_out_and_older_policies_stay() -> None:
    """Unproved, 200 rules of such expressions took 8 s, and every other namespace and the Lease waited."""
    dear = {"models": ["re:" + f"(a{number}|b){{1,500}}(c|d){{1,400}}".ljust(500, "q") for number in range(64)]}
    bomb = policy(
        "bomb", {"rules": [rule(f"r{n}", route("x"), dear) for n in range(9)]}, created="2026-11-21T08:00:00Z"
    )
    good = policy("good", {"rules": [rule("r", route("x"), {"models": ["re:^claude-.*"]})]})
    found = compiled(backend("x"), bomb, good)

    assert [one.name for one in found.policies] == ["good"]
    assert [(file, reason) for file, reason, _ in told(found)] == [("RoutingPolicy a/bomb", "TooManyPatterns")]
    assert [problem.condition for problem in found.problems] == ["Accepted"]


def test_guesses_of_what_was_meant_are_few_and_short() -> None:
    """Unbounded, 3,200 slips among 500 backends took 35 s."""
    backends = [backend(f"backend-number-{number}") for number in range(250)]
    slips = [rule(f"r{n}", route(*(f"backend-numbr-{n}-{each}" for each in range(16)))) for n in range(4)]
    strange = rule("strange", route("0"))
    found = told(compiled(*backends, policy("p", {"rules": [strange, *slips]})))

    messages = [message for _, reason, message in found if reason == "BackendNotFound"]
    assert len(messages) == 65
    assert sum("did you mean" in message for message in messages) == MAX_GUESSES - 1
    assert max(map(len, messages)) < 400
    assert "backend-number-106 or another" in next(message for message in messages if "`0`" in message)
