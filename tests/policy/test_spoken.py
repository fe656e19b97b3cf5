"""Routes that would need translation are problems; routes that some client can use are not."""

from __future__ import annotations

import pytest

from tests.policy.writing import compiled, policy

LATER = "translation between dialects is a later issue"


def _problems(match: str, *targets: str) -> list[str]:
    route = ", ".join(f"{{backend: {target}}}" for target in targets)
    text = policy(f"rules: [{{name: r, match: {match}, then: {{route: {{targets: [{route}]}}}}}}]")
    result = compiled(text)
    assert bool(result.problems) == bool(result.snapshots[""].rules[0].broken)
    return [problem.message for problem in result.problems]


@pytest.mark.parametrize(
    ("match", "targets"),
    [
        ("{}", ["anthropic"]),
        ("{}", ["deepseek", "anthropic"]),
        ("{}", ["deepseek", "openai"]),
        ("{models: [claude-*]}", ["deepseek"]),
        ("{models: ['*']}", ["anthropic"]),
        ("{models: [claude-*, gpt-*]}", ["anthropic"]),
        ("{models: [claude-*, mine]}", ["openai"]),
        ("{models: [gpt-5, o3, text-embedding-3-small]}", ["openai"]),
        ("{paths: [/v1/messages*]}", ["anthropic"]),
        ("{paths: [/v1/messages], models: [gpt-*]}", ["anthropic"]),
        ("{paths: ['re:^/v1/(chat|messages)']}", ["openai", "deepseek"]),
        ("{paths: [/mine]}", ["openai"]),
        ("{task: [Utility]}", ["anthropic"]),
    ],
)
def test_a_route_that_some_client_can_use_is_fine(match: str, targets: list[str]) -> None:
    assert _problems(match, *targets) == []


@pytest.mark.parametrize(
    ("match", "targets", "why"),
    [
        ("{}", ["anthropic", "openai"], "its targets share no dialect"),
        ("{models: [claude-*]}", ["openai"], "its calls speak anthropic-messages, which no target speaks"),
        ("{models: [claude-opus-5-5]}", ["openai"], "its calls speak anthropic-messages, which no target speaks"),
        ("{models: [gemini-*]}", ["anthropic"], "its calls speak gemini-generate, which no target speaks"),
        ("{models: [gpt-*]}", ["anthropic"], "its calls speak openai-chat or openai-embeddings or openai-responses"),
        ("{paths: [/v1/responses]}", ["deepseek"], "its calls speak openai-responses, which no target speaks"),
        ("{paths: [/v1/messages]}", ["openai"], "its calls speak anthropic-messages, which no target speaks"),
        ("{paths: [/v1/messages]}", ["deepseek", "openai"], "its targets share no dialect"),
    ],
)
def test_a_route_that_needs_translation_is_a_problem_and_broken(match: str, targets: list[str], why: str) -> None:
    (problem,) = _problems(match, *targets)

    assert problem.startswith(why)
    assert LATER in problem


def test_a_default_may_serve_clients_of_several_dialects() -> None:
    result = compiled(policy("default: {route: {targets: [{backend: anthropic}, {backend: openai}]}}"))

    assert result.problems == ()
    default = result.snapshots[""].default
    assert default is not None
    assert default.broken == ""


def test_a_rule_that_takes_the_default_may_too_but_not_for_clients_that_none_of_them_serves() -> None:
    default = "default: {route: {targets: [{backend: anthropic}, {backend: openai}]}}"

    assert compiled(policy(f"rules: [{{name: r, match: {{task: [Main]}}}}]\n{default}")).problems == ()
    (problem,) = compiled(policy(f"rules: [{{name: r, match: {{models: [gemini-*]}}}}]\n{default}")).problems
    assert "gemini-generate, which no target speaks" in problem.message
