"""Variables and arguments for agents: only what is true, and never over a user's own key."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Literal

import pytest

from ccproxy_cli.agent_settings import settings_warning
from ccproxy_cli.agents import Route, pointed
from ccproxy_cli.state import BackendState
from ccproxy_contract.names import PLACEHOLDER_KEY

ADDRESS = "http://127.0.0.1:4141"


Credential = Literal["Key", "PassThrough", "None"]


def _backend(dialect: str, credential: Credential = "Key") -> BackendState:
    return BackendState(
        name=dialect, provider="Custom", url="https://x.test", dialects=(dialect,), credential=credential
    )


def _route(*backends: BackendState, **environment: str) -> Route:
    return Route(ADDRESS, backends, environment)


def _variables(agent: str, route: Route) -> dict[str, str]:
    made = pointed(agent, route)
    assert not made.missing
    return {name: value for name, value in made.variables.items() if name.lower() != "no_proxy"}


def test_claude_gets_address_hints_and_a_placeholder_where_the_backend_has_a_key() -> None:
    assert _variables("claude", _route(_backend("anthropic-messages"))) == {
        "ANTHROPIC_BASE_URL": ADDRESS,
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
        "ANTHROPIC_AUTH_TOKEN": PLACEHOLDER_KEY,
    }


@pytest.mark.parametrize("own", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_a_users_own_key_is_never_replaced(own: str) -> None:
    made = _variables("claude", _route(_backend("anthropic-messages"), **{own: "mine"}))
    assert "ANTHROPIC_AUTH_TOKEN" not in made
    assert "ANTHROPIC_API_KEY" not in made


def test_a_client_whose_login_goes_on_gets_no_placeholder() -> None:
    route = _route(_backend("anthropic-messages"), _backend("anthropic-messages", "PassThrough"))
    assert "ANTHROPIC_AUTH_TOKEN" not in _variables("claude", route)


@pytest.mark.parametrize(
    ("agent", "missing"),
    [("claude", "anthropic-messages"), ("codex", "openai-responses"), ("gemini", "gemini-generate")],
)
def test_an_agent_whose_dialect_nobody_speaks_is_told_which(agent: str, missing: str) -> None:
    made = pointed(agent, _route(_backend("openai-embeddings")))
    assert made.missing == missing
    assert made.variables == {}


def test_codex_keeps_a_users_login_through_its_own_provider() -> None:
    made = pointed("codex", _route(_backend("openai-responses", "PassThrough")))
    assert made.arguments == ("-c", f'openai_base_url="{ADDRESS}/v1"')


def test_codex_needs_no_login_where_the_backend_has_a_key() -> None:
    made = pointed("codex", _route(_backend("openai-responses")))
    settings = tomllib.loads("\n".join(made.arguments[1::2]))
    assert settings["model_provider"] == "ccproxy"
    assert settings["model_providers"]["ccproxy"] == {
        "name": "ccproxy",
        "base_url": f"{ADDRESS}/v1",
        "wire_api": "responses",
    }


@pytest.mark.parametrize("credential", ["Key", "PassThrough"])
def test_codex_sends_a_users_openai_key_that_its_own_provider_would_not(credential: Credential) -> None:
    made = pointed("codex", _route(_backend("openai-responses", credential), OPENAI_API_KEY="mine"))
    settings = tomllib.loads("\n".join(made.arguments[1::2]))
    assert settings["model_providers"]["ccproxy"]["env_key"] == "OPENAI_API_KEY"


def test_codex_prefers_the_key_that_is_meant_for_it() -> None:
    keys = {"OPENAI_API_KEY": "mine", "CODEX_API_KEY": "codex"}
    made = pointed("codex", _route(_backend("openai-responses", "PassThrough"), **keys))
    assert made.arguments == ("-c", f'openai_base_url="{ADDRESS}/v1"')


SIGNED_IN = {"security": {"auth": {"selectedType": "gemini-api-key"}}}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (None, "does not choose"),
        ({}, "does not choose"),
        ({"security": {"auth": {"selectedType": "oauth-personal"}}}, "oauth-personal"),
        ({"security": "odd"}, "does not choose"),
        (SIGNED_IN, ""),
    ],
)
def test_gemini_that_would_not_come_by_is_a_warning(settings: object, words: str, tmp_path: Path) -> None:
    if settings is not None:
        (tmp_path / ".gemini").mkdir()
        (tmp_path / ".gemini" / "settings.json").write_text(json.dumps(settings))
    warning = settings_warning("gemini", tmp_path)
    assert words in warning
    assert bool(warning) == bool(words)


def test_claude_that_has_another_address_in_its_settings_is_a_warning(tmp_path: Path) -> None:
    assert settings_warning("claude", tmp_path) == ""
    (tmp_path / ".claude").mkdir()
    path = tmp_path / ".claude" / "settings.json"
    path.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "https://other.test"}}))
    assert "https://other.test" in settings_warning("claude", tmp_path)
    assert settings_warning("aider", tmp_path) == ""


def test_aider_also_gets_the_older_names() -> None:
    made = _variables("aider", _route(_backend("openai-chat"), _backend("anthropic-messages", "PassThrough")))
    assert made["OPENAI_API_BASE"] == made["OPENAI_BASE_URL"] == f"{ADDRESS}/v1"
    assert made["ANTHROPIC_API_BASE"] == ADDRESS
    assert made["OPENAI_API_KEY"] == PLACEHOLDER_KEY
    assert "ANTHROPIC_API_KEY" not in made


def test_opencode_gets_a_piece_of_configuration_merged_into_the_users() -> None:
    own = json.dumps({"theme": "x", "provider": {"openai": {"models": {"m": {}}}, "mine": {}}})
    route = _route(
        _backend("openai-responses"), _backend("gemini-generate", "PassThrough"), OPENCODE_CONFIG_CONTENT=own
    )
    made = json.loads(_variables("opencode", route)["OPENCODE_CONFIG_CONTENT"])
    assert made["theme"] == "x"
    assert made["provider"] == {
        "mine": {},
        "openai": {"models": {"m": {}}, "options": {"baseURL": f"{ADDRESS}/v1", "apiKey": PLACEHOLDER_KEY}},
        "google": {"options": {"baseURL": f"{ADDRESS}/v1beta"}},
    }


def test_any_other_program_gets_what_is_true_and_nothing_else() -> None:
    made = _variables("python", _route(_backend("gemini-generate"), GOOGLE_API_KEY="mine"))
    assert made == {"GOOGLE_GEMINI_BASE_URL": ADDRESS}


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "127.0.0.1,localhost"), ("corp.test, localhost", "corp.test,localhost,127.0.0.1"), ("*", None)],
)
def test_loopback_is_kept_from_proxies(before: str, after: str | None) -> None:
    made = pointed("python", _route(_backend("openai-chat"), NO_PROXY=before))
    assert made.variables.get("NO_PROXY") == after
