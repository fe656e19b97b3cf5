"""What holds for any pod, however strange."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_operator.injector.environment import NO_PROXY_NAMES, TOLD, with_loopback
from ccproxy_operator.injector.quantities import quantity, same_quantity
from ccproxy_operator.injector.review import Reviewer
from tests.injector.reviewing import ROOT, SETTINGS, answer, patched, response, sidecar

Json = dict[str, Any]
OURS = sorted({name for told in TOLD for name in (told.name, *told.unless)} | {*NO_PROXY_NAMES})

env_names = st.sampled_from([*OURS, "OTHER", "PATH"])
values = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"value": st.sampled_from(["", "*", "a,b", "localhost", "127.0.0.1,localhost"])}
    ),
    st.just({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
)
variables = st.lists(
    st.builds(lambda name, value: {"name": name, **value}, env_names, values), max_size=5, unique_by=lambda v: v["name"]
)
sources = st.lists(
    st.builds(
        lambda prefix: {"secretRef": {"name": "s"}, **({"prefix": prefix} if prefix else {})},
        st.sampled_from(["", "OPENAI_", "NO_", "no", "APP_", "ANTHROPIC_AUTH"]),
    ),
    max_size=2,
)
absent = st.just(None)


def containers(least: int) -> st.SearchStrategy[list[Json]]:
    one = st.fixed_dictionaries(
        {"image": st.just("i")},
        optional={
            "env": st.one_of(absent, variables),
            "envFrom": st.one_of(absent, sources),
            "ports": st.one_of(
                absent, st.lists(st.builds(lambda p: {"containerPort": p}, st.integers(1, 4200)), max_size=2)
            ),
            "restartPolicy": st.just("Always"),
        },
    )
    return st.lists(one, min_size=least, max_size=3)


def named(prefix: str, each: list[Json]) -> list[Json]:
    return [{"name": f"{prefix}{place}", **container} for place, container in enumerate(each)]


specs = st.builds(
    lambda apps, inits, rest: {
        "containers": named("app", apps),
        **({"initContainers": named("init", inits)} if inits is not None else {}),
        **rest,
    },
    containers(1),
    st.one_of(absent, containers(0)),
    st.fixed_dictionaries(
        {},
        optional={
            "volumes": st.one_of(
                absent,
                st.lists(
                    st.builds(
                        lambda name: {"name": name, "emptyDir": {}},
                        st.sampled_from(["ccproxy-tokens", "ccproxy-state", "ccproxy-state-2", "data"]),
                    ),
                    unique_by=lambda volume: volume["name"],
                ),
            ),
            "hostNetwork": st.one_of(absent, st.booleans()),
            "os": st.sampled_from([{"name": "linux"}, {"name": "windows"}]),
        },
    ),
)
marks = st.fixed_dictionaries(
    {},
    optional={
        "ccproxy.ai/inject": st.sampled_from(["true", "false", "maybe"]),
        "ccproxy.ai/no-config": st.sampled_from(["pass", "hold", "other"]),
        "ccproxy.ai/resources": st.sampled_from(['{"limits": {"cpu": "500m"}}', "{}", "[]"]),
        "ccproxy.ai/injected": st.just("sha256:old"),
        "ccproxy.ai/skipped": st.just("Mine"),
        "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": st.just("a, b"),
    },
)
pods = st.builds(
    lambda spec, annotations, labels: {
        "metadata": {"name": "p", **({"annotations": annotations} if annotations is not None else {}), **labels},
        "spec": spec,
    },
    specs,
    st.one_of(absent, marks),
    st.fixed_dictionaries({}, optional={"labels": st.one_of(absent, st.just({"a": "b"}))}),
)


@settings(max_examples=150, deadline=None)
@given(pods)
def test_a_second_call_changes_nothing_more(pod: Json) -> None:
    once = patched(pod, answer(pod))
    again = answer(once)
    assert "patch" not in response(again)
    assert patched(once, again) == once


@settings(max_examples=150, deadline=None)
@given(pods)
def test_what_is_not_injected_is_left_as_it_was_sent(pod: Json) -> None:
    given_ = answer(pod)
    after = patched(pod, given_)
    if given_.outcome == "skipped" and given_.reason == "WindowsNode":
        assert after["metadata"]["annotations"].pop("ccproxy.ai/skipped") == "WindowsNode"
        after["metadata"]["annotations"] = after["metadata"]["annotations"] or pod["metadata"].get("annotations")
        before = {**pod, "metadata": {"annotations": None, **pod["metadata"]}}
        assert {**after, "metadata": {"annotations": None, **after["metadata"]}} == before
    elif given_.outcome != "injected":
        assert "patch" not in response(given_)
    if (pod["metadata"].get("annotations") or {}).get("ccproxy.ai/inject") == "false":
        assert given_.reason == "OptedOut"
        assert "patch" not in response(given_)


@settings(max_examples=150, deadline=None)
@given(pods)
def test_what_a_user_wrote_stays_where_it_was(pod: Json) -> None:
    before = copy.deepcopy(pod)
    after = patched(pod, answer(pod))
    assert pod == before
    spec, was = after["spec"], before["spec"]
    assert names(spec["containers"]) == names(was["containers"])
    assert [n for n in names(spec.get("initContainers") or []) if n != "ccproxy"] == names(
        was.get("initContainers") or []
    )
    volumes = was.get("volumes") or []
    assert (spec.get("volumes") or [])[: len(volumes)] == volumes
    for container in [*was["containers"], *(was.get("initContainers") or [])]:
        everyone = [*spec["containers"], *(spec.get("initContainers") or [])]
        stays(container, next(c for c in everyone if c["name"] == container["name"]))


def names(containers: list[Json]) -> list[str]:
    return [container["name"] for container in containers]


def stays(container: Json, after: Json) -> None:
    """Everything but its environment is equal; each variable is where it was, with its value unless NO_PROXY."""
    assert {**after, "env": None} == {**container, "env": None}
    for place, variable in enumerate(container.get("env") or []):
        now = after["env"][place]
        if variable["name"] in NO_PROXY_NAMES and "valueFrom" not in variable:
            assert now in (variable, {"name": variable["name"], **no_proxy_value(variable)})
        else:
            assert now == variable
    added = [variable["name"] for variable in (after.get("env") or [])[len(container.get("env") or []) :]]
    assert len(set(added)) == len(added)
    prefixes = [source.get("prefix", "") for source in container.get("envFrom") or []]
    assert [name for name in added if any(name.startswith(prefix) for prefix in prefixes)] == []


def no_proxy_value(variable: Json) -> Json:
    value = with_loopback(variable.get("value", ""))
    return {"value": value} if value or "value" in variable else {}


@settings(max_examples=100, deadline=None)
@given(pods)
def test_the_sidecar_comes_first_and_is_complete(pod: Json) -> None:
    given_ = answer(pod)
    if given_.outcome != "injected":
        return
    spec = patched(pod, given_)["spec"]
    assert spec["initContainers"][0]["name"] == "ccproxy"
    container = sidecar({"spec": spec})
    assert container["restartPolicy"] == "Always"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    volumes = [volume["name"] for volume in spec["volumes"]]
    assert mounted <= set(volumes)
    assert len(set(volumes)) == len(volumes)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_review_are_a_value_error(body: bytes) -> None:
    try:
        Reviewer(SETTINGS, ROOT).answer(body)
    except ValueError:
        return
    raise AssertionError("an answer to nothing")


@given(st.integers(0, 10**12), st.sampled_from(["", "k", "Ki", "M", "Gi"]))
def test_a_quantity_is_the_same_in_other_words(number: int, unit: str) -> None:
    assert same_quantity(f"{number}{unit}", f"{number}000m" if not unit else f"{number}.0{unit}")


def test_what_is_no_quantity_has_no_amount() -> None:
    assert [quantity(text) for text in ("", "-1", "1x", "1 Gi", "Gi", "1e999", "٣", "0x1", "1\n")] == [None] * 9
    assert quantity("1Gi") == 2**30
    assert quantity("2e3") == 2000
    assert quantity(".5") == quantity("500m")
