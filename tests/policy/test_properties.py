"""Whatever stands in a file, compiling answers with problems and never with an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_contract.snapshot import snapshot_bytes, snapshot_from_bytes
from ccproxy_policy.admit import KINDS
from ccproxy_policy.compile import compile
from ccproxy_policy.documents import Document, documents_from_text
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.sentences import model_at


def _fields(model: type[Strict]) -> set[str]:
    """The names of a model's fields and of every model inside it."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    inner = [model_at(model, (name, *index)) for name in names for index in ((), (0,))]
    return names.union(model.planned, *(_fields(found) for found in inner if found))


FIELDS = sorted(set().union(*(_fields(kind) for kind in KINDS.values())))
WORDS = st.sampled_from(
    ["anthropic", "openai", "Anthropic", "Custom", "OpenAI", "Weighted", "Priority", "Utility", "openai-chat", "a:B",
     "claude-*", "re:(", "re:(?=a)", "http://127.0.0.1:1/", "https://[::1", "https://a.example", "0.25", "r", "Off",
     "${KEY}", "KEY", "\ud800", "", "x" * 600, "Enforce"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | WORDS, inner, max_size=6),
    max_leaves=30,
)


def _shaped(model: type[Strict], draw: st.DrawFn) -> dict[str, Any]:
    """A mapping whose keys are mostly fields of the model: gets past the first checks more often than a tree."""
    found = {}
    for name, field in model.model_fields.items():
        if draw(st.integers(0, 9)) > 3 or field.is_required():
            inner = model_at(model, (field.alias or name,)) or model_at(model, (field.alias or name, 0))
            is_list = "list[" in str(field.annotation)
            value: object = draw(st.lists(WORDS, max_size=2)) if is_list else draw(SCALARS)
            if inner and draw(st.integers(0, 9)):
                value = [_shaped(inner, draw)] if is_list else _shaped(inner, draw)
            found[field.alias or name] = value
    return found


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    value = _shaped(KINDS[kind], draw)
    value["kind"], value["apiVersion"] = kind, "v1" if kind == "Secret" else "ccproxy.ai/v1alpha1"
    value["metadata"] = {"name": draw(st.sampled_from(["anthropic", "openai", "r"]))}
    return value


@settings(max_examples=300, deadline=None)
@given(st.lists(TREES | objects(), max_size=5))
def test_compile_never_raises_and_is_pure(values: list[object]) -> None:
    found = [Document("a.yaml", line, value) for line, value in enumerate(values, 1)]
    once = compile(found, environment={"KEY": "k"})
    again = compile(list(reversed(found)), environment={"KEY": "k"})

    assert all("\n" not in problem.text for problem in once.problems)
    assert once == again
    assert snapshot_from_bytes(snapshot_bytes(once.snapshots[""])) == once.snapshots[""]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=" \n\t-:[]{}&*!|>'\"#%@`,?aAk1.~<\x07é", max_size=60) | st.text(max_size=40))
def test_any_text_is_documents_or_problems(text: str) -> None:
    found, problems = documents_from_text("a.yaml", text)

    assert compile(found, environment={}).snapshots[""].hash
    assert all(problem.line >= 1 for problem in problems)
