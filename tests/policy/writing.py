"""Short ways to write documents in tests."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from ccproxy_contract.snapshot import Snapshot
from ccproxy_policy.compile import Compiled, compile
from ccproxy_policy.documents import Document, documents_from_text

BACKENDS = """\
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: anthropic}
spec: {provider: Anthropic, credentials: {passThrough: true}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: openai}
spec: {provider: OpenAI, credentials: {passThrough: true}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {name: deepseek}
spec: {provider: DeepSeek, credentials: {env: DEEPSEEK_API_KEY}}
"""
ENVIRONMENT = {"DEEPSEEK_API_KEY": "sk-test-1"}


def documents(text: str, *, file: str = "a.yaml") -> list[Document]:
    """The documents of a text that must be readable YAML."""
    found, problems = documents_from_text(file, dedent(text))
    assert problems == []
    return found


def compiled(text: str, *, backends: str = BACKENDS, environment: Mapping[str, str] = ENVIRONMENT) -> Compiled:
    """`text` as a.yaml beside z.yaml with three backends."""
    return compile([*documents(text), *documents(backends, file="z.yaml")], environment=environment)


def snapshot(text: str, *, backends: str = BACKENDS, environment: Mapping[str, str] = ENVIRONMENT) -> Snapshot:
    """The laptop's snapshot of a text without problems."""
    result = compiled(text, backends=backends, environment=environment)
    assert [problem.text for problem in result.problems] == []
    return result.snapshots[""]


def policy(spec: str, *, name: str = "p") -> str:
    """A RoutingPolicy around the lines of its spec."""
    head = f"apiVersion: ccproxy.ai/v1alpha1\nkind: RoutingPolicy\nmetadata: {{name: {name}}}\nspec:\n"
    return head + "".join(f"  {line}\n" for line in dedent(spec).strip().splitlines())


def backend(spec: str, *, name: str = "b") -> str:
    """A ModelBackend around the lines of its spec."""
    return policy(spec, name=name).replace("RoutingPolicy", "ModelBackend")
