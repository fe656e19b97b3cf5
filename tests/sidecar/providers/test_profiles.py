"""How each provider takes its key, and that the table is complete."""

from __future__ import annotations

from typing import get_args

import pytest

from ccproxy_contract.snapshot import DialectName, Provider
from ccproxy_sidecar.providers.auth import CREDENTIAL_HEADERS
from ccproxy_sidecar.providers.table import PROVIDERS


def test_table_knows_every_provider_of_the_contract() -> None:
    assert set(PROVIDERS) == set(get_args(Provider))


@pytest.mark.parametrize(
    ("provider", "key", "dialect", "expected"),
    [
        ("Anthropic", "sk-ant-api03-x", "anthropic-messages", ("x-api-key", "sk-ant-api03-x")),
        ("Anthropic", "sk-ant-oat01-x", "anthropic-messages", ("authorization", "Bearer sk-ant-oat01-x")),
        ("OpenAI", "sk-x", "openai-chat", ("authorization", "Bearer sk-x")),
        ("AzureOpenAI", "0f", "openai-chat", ("api-key", "0f")),
        ("AzureOpenAI", "eyJ0.e.s", "openai-chat", ("authorization", "Bearer eyJ0.e.s")),
        ("Gemini", "AIza", "gemini-generate", ("x-goog-api-key", "AIza")),
        ("Gemini", "AIza", "openai-chat", ("authorization", "Bearer AIza")),
        ("Gemini", "ya29.x", "gemini-generate", ("authorization", "Bearer ya29.x")),
        ("DeepSeek", "sk-x", "openai-chat", ("authorization", "Bearer sk-x")),
        ("DeepSeek", "sk-x", "anthropic-messages", ("x-api-key", "sk-x")),
        ("OpenRouter", "sk-or-x", "anthropic-messages", ("authorization", "Bearer sk-or-x")),
        ("Ollama", "k", "anthropic-messages", ("authorization", "Bearer k")),
        ("VLLM", "k", "anthropic-messages", ("authorization", "Bearer k")),
        ("Custom", "k", "anthropic-messages", ("x-api-key", "k")),
        ("Custom", "k", "gemini-generate", ("x-goog-api-key", "k")),
        ("Custom", "k", "openai-responses", ("authorization", "Bearer k")),
    ],
)
def test_key_is_sent_in_the_header_that_the_provider_reads(
    provider: Provider, key: str, dialect: DialectName, expected: tuple[str, str]
) -> None:
    assert PROVIDERS[provider].auth(key, dialect) == (expected,)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("dialect", get_args(DialectName))
def test_every_credential_header_is_one_that_is_taken_from_the_client(provider: Provider, dialect: DialectName) -> None:
    for name, value in PROVIDERS[provider].auth("k", dialect):
        assert name in CREDENTIAL_HEADERS
        assert "k" in value


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("dialect", get_args(DialectName))
def test_empty_key_sends_no_header(provider: Provider, dialect: DialectName) -> None:
    assert PROVIDERS[provider].auth("", dialect) == ()


def test_usage_in_streams_is_never_asked_of_a_server_that_may_refuse_the_field() -> None:
    assert {name for name, profile in PROVIDERS.items() if not profile.stream_usage} == {"Mistral", "Custom"}
