"""Splicing: the one value changes, every other byte stays."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_sidecar.dialects.splice import spliced_model, with_stream_usage
from tests.sidecar.dialects.recorded import recorded_calls, written

keys = st.sampled_from(["model", "a", 'x"model', "model\\", "stream_options", "include_usage", "é"]) | st.text(
    max_size=4
)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(['"model":"x"', '{"', "\\"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
names = st.text(min_size=1, max_size=12)


def assert_only_that_value_changed(before: bytes, after: bytes, old: str, new: str) -> None:
    """Both bodies must share everything around one JSON string."""
    start = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    assert old == new or start < len(before)
    left = len(before) - len(after)
    for end in range(len(before), start - 1, -1):
        if before[end:] == after[end - left :] and before[:start] == after[:start]:
            return
    raise AssertionError("more than one place changed")


@given(st.dictionaries(keys, values, max_size=5), names, names, st.integers(0, 99))
def test_only_the_top_level_model_changes(members: dict[str, Any], old: str, new: str, seed: int) -> None:
    rng = Random(seed)
    items = [(key, value) for key, value in members.items() if key != "model"]
    items.insert(rng.randrange(len(items) + 1), ("model", old))
    body = written(rng, dict(items))
    after = spliced_model(body, new)
    assert json.loads(after) == {**dict(items), "model": new}
    assert list(json.loads(after)) == [key for key, _ in items]
    assert_only_that_value_changed(body, after, old, new)


@given(st.integers(0, 3), st.integers(0, 9000), st.booleans())
def test_a_model_hidden_among_nested_ones_is_found_at_any_distance(nested: int, size: int, front: bool) -> None:
    decoys = {"tools": [{"model": "decoy", "text": "y" * size}] * nested}
    ends = {"tail": {"model": "decoy"}, "more": "z" * size}
    body = json.dumps({**decoys, **ends, "model": "old"} if front else {**decoys, "model": "old", **ends}).encode()
    assert json.loads(spliced_model(body, "new"))["model"] == "new"
    assert spliced_model(body, "new").count(b"decoy") == body.count(b"decoy")


def test_a_key_that_ends_like_model_is_another_key() -> None:
    body = json.dumps({'x"model': "decoy", "model": "old"}).encode()
    assert json.loads(spliced_model(body, "new")) == {'x"model': "decoy", "model": "new"}


def test_every_recorded_body_keeps_all_its_other_bytes() -> None:
    for call in recorded_calls(1000, seed=5):
        if call.dialect == "gemini-generate":
            continue
        old = json.loads(call.body)["model"]
        there = spliced_model(call.body, "gpt-new")
        assert json.loads(there) == {**json.loads(call.body), "model": "gpt-new"}
        assert len(there) - len(call.body) == len(b'"gpt-new"') - len(_old_value(call.body, old))
        back = there.replace(b'"gpt-new"', _old_value(call.body, old), 1)
        assert back == call.body


def _old_value(body: bytes, old: str) -> bytes:
    """How this body wrote its model."""
    forms = [json.dumps(old).encode(), json.dumps(old, ensure_ascii=False).encode()]
    forms += [form.replace(b"/", b"\\/") for form in forms]
    return next(form for form in forms if form in body)


def test_a_body_without_a_plain_model_is_refused() -> None:
    for body in (b'{"mod\\u0065l":"a"}', b'{"tools":[{"model":"a"}]}', b'{"model":null}', b"{}"):
        with pytest.raises(ValueError, match="no top-level model"):
            spliced_model(body, "b")


OPTIONS = [None, {}, {"include_usage": False}, {"include_usage": True, "x": {"include_usage": False}}, "absent"]


@given(st.dictionaries(keys, values, max_size=4), st.integers(0, 99), st.sampled_from(OPTIONS))
def test_asking_for_usage_sets_one_flag_and_nothing_else(members: dict[str, Any], seed: int, options: Any) -> None:
    rng = Random(seed)
    items = [(key, value) for key, value in members.items() if key != "stream_options"]
    if options != "absent":
        items.insert(rng.randrange(len(items) + 1), ("stream_options", options))
    asked = json.loads(with_stream_usage(written(rng, dict(items))))
    given_options = options if isinstance(options, dict) else {}
    assert asked == {**dict(items), "stream_options": {**given_options, "include_usage": True}}
