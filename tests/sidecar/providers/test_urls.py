"""Where calls go: every provider's URL for every dialect, and that no path leaves the base URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.snapshot import Backend, Credential, DialectName, Provider
from ccproxy_sidecar.providers.table import PROVIDERS

PATHS: dict[DialectName, str] = {
    "anthropic-messages": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "openai-embeddings": "/v1/embeddings",
    "gemini-generate": "/v1beta/models/gemini-3-pro:generateContent",
}
KEY = Credential(kind="Key", key="k")


def backend(provider: Provider, url: str, credential: Credential = KEY) -> Backend:
    return Backend(name="b", provider=provider, url=url, dialects=(), credential=credential)


def url(provider: Provider, base: str, dialect: DialectName, path: str = "", query: str = "") -> str:
    target = backend(provider, base)
    return PROVIDERS[provider].url(target, dialect=dialect, path=path or PATHS[dialect], query=query)


@pytest.mark.parametrize(
    ("provider", "base", "dialect", "expected"),
    [
        ("Anthropic", "https://api.anthropic.com", "anthropic-messages", "https://api.anthropic.com/v1/messages"),
        ("Anthropic", "https://api.anthropic.com/v1", "anthropic-messages", "https://api.anthropic.com/v1/messages"),
        ("OpenAI", "https://api.openai.com/v1", "openai-chat", "https://api.openai.com/v1/chat/completions"),
        ("OpenAI", "https://api.openai.com", "openai-responses", "https://api.openai.com/v1/responses"),
        ("OpenAI", "https://gate.corp/llm", "openai-chat", "https://gate.corp/llm/chat/completions"),
        ("OpenAI", "https://v1", "openai-chat", "https://v1/v1/chat/completions"),
        ("AzureOpenAI", "https://n.openai.azure.com", "openai-chat", "https://n.openai.azure.com/openai/v1/chat/completions"),
        ("AzureOpenAI", "https://n.openai.azure.com/openai/v1", "openai-responses", "https://n.openai.azure.com/openai/v1/responses"),
        ("AzureOpenAI", "https://n.services.ai.azure.com", "anthropic-messages", "https://n.services.ai.azure.com/anthropic/v1/messages"),
        ("Gemini", "https://g.test", "gemini-generate", "https://g.test/v1beta/models/gemini-3-pro:generateContent"),
        ("Gemini", "https://g.test/v1beta", "gemini-generate", "https://g.test/v1beta/models/gemini-3-pro:generateContent"),
        ("Gemini", "https://g.test", "openai-chat", "https://g.test/v1beta/openai/chat/completions"),
        ("Gemini", "https://g.test/v1beta/openai", "openai-chat", "https://g.test/v1beta/openai/chat/completions"),
        ("DeepSeek", "https://api.deepseek.com", "openai-chat", "https://api.deepseek.com/chat/completions"),
        ("DeepSeek", "https://api.deepseek.com", "anthropic-messages", "https://api.deepseek.com/anthropic/v1/messages"),
        ("DeepSeek", "https://api.deepseek.com/anthropic", "anthropic-messages", "https://api.deepseek.com/anthropic/v1/messages"),
        ("DeepSeek", "https://api.deepseek.com/anthropic", "openai-chat", "https://api.deepseek.com/chat/completions"),
        ("Groq", "https://api.groq.com/openai/v1", "openai-chat", "https://api.groq.com/openai/v1/chat/completions"),
        ("Groq", "https://api.groq.com", "openai-chat", "https://api.groq.com/openai/v1/chat/completions"),
        ("OpenRouter", "https://openrouter.ai/api/v1", "anthropic-messages", "https://openrouter.ai/api/v1/messages"),
        ("OpenRouter", "https://openrouter.ai/api", "openai-chat", "https://openrouter.ai/api/v1/chat/completions"),
        ("Mistral", "https://api.mistral.ai", "openai-chat", "https://api.mistral.ai/v1/chat/completions"),
        ("Mistral", "https://api.mistral.ai/v1", "openai-embeddings", "https://api.mistral.ai/v1/embeddings"),
        ("Ollama", "http://127.0.0.1:11434", "anthropic-messages", "http://127.0.0.1:11434/v1/messages"),
        ("VLLM", "http://10.0.0.7:8000/v1", "anthropic-messages", "http://10.0.0.7:8000/v1/messages"),
        ("TGI", "http://127.0.0.1:8080/", "openai-chat", "http://127.0.0.1:8080/v1/chat/completions"),
        ("LocalAI", "http://127.0.0.1:8080/v1", "openai-responses", "http://127.0.0.1:8080/v1/responses"),
        ("Custom", "http://127.0.0.1:9", "openai-chat", "http://127.0.0.1:9/v1/chat/completions"),
        ("Custom", "https://api.z.ai/api/paas/v4", "openai-chat", "https://api.z.ai/api/paas/v4/chat/completions"),
        ("Custom", "https://api.z.ai/api/anthropic", "anthropic-messages", "https://api.z.ai/api/anthropic/v1/messages"),
        ("Custom", "http://h/p/v1beta", "gemini-generate", "http://h/p/v1beta/models/gemini-3-pro:generateContent"),
    ],
)  # fmt: skip
def test_base_url_of_the_providers_sdk_gives_the_url_that_sdk_would_call(
    provider: Provider, base: str, dialect: DialectName, expected: str
) -> None:
    assert url(provider, base, dialect) == expected


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions", "/v1/v1/chat/completions"])
def test_client_may_or_may_not_send_the_version(path: str) -> None:
    assert url("OpenAI", "https://h/v1", "openai-chat", path) == "https://h/v1/chat/completions"


def test_gemini_path_keeps_the_version_it_names_and_gets_one_otherwise() -> None:
    assert (
        url("Gemini", "https://g", "gemini-generate", "/v1/models/m:countTokens") == "https://g/v1/models/m:countTokens"
    )
    assert (
        url("Gemini", "https://g", "gemini-generate", "/models/m:countTokens")
        == "https://g/v1beta/models/m:countTokens"
    )


def test_query_goes_on_unchanged() -> None:
    assert (
        url("Anthropic", "https://a", "anthropic-messages", query="beta=true&x=%20")
        == "https://a/v1/messages?beta=true&x=%20"
    )


def test_clients_gemini_key_in_the_query_stays_here_when_the_backend_has_its_own() -> None:
    sent = url("Gemini", "https://g", "gemini-generate", query="alt=sse&key=AIza&k%65y=AIza&access_token=t")
    assert sent == "https://g/v1beta/models/gemini-3-pro:generateContent?alt=sse"
    assert url("Gemini", "https://g", "gemini-generate", query="key=AIza").endswith(":generateContent")


def test_clients_gemini_key_in_the_query_goes_on_when_the_backend_passes_keys_through() -> None:
    target = backend("Gemini", "https://g", Credential(kind="PassThrough"))
    sent = PROVIDERS["Gemini"].url(target, dialect="gemini-generate", path="/v1beta/models", query="key=AIza")
    assert sent == "https://g/v1beta/models?key=AIza"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../../admin",
        "/../../etc",
        "//evil.test/x",
        "http://evil.test/x",
        "/v1/%2e%2e/%2e%2e/x",
        "/..%2f..%2fadmin",
        "/%252e%252e/x",
        "/a/..\\..\\x",
        "/v1/x?y#z",
        "/v1/\r\nhost: evil.test",
        "@evil.test/",
        "/v1/ü/%zz",
    ],
)
def test_hostile_path_stays_inside_the_base(path: str) -> None:
    assert_inside(url("OpenAI", "https://h:8443/base/v1", "openai-chat", path), "https://h:8443/base/v1")


def assert_inside(sent: str, root: str) -> None:
    assert sent.startswith(root)
    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent
    parts, at = urlsplit(sent), urlsplit(root)
    assert (parts.scheme, parts.netloc, parts.fragment) == (at.scheme, at.netloc, "")
    decoded = unquote(unquote(parts.path)).replace("\\", "/").split("/")
    assert ".." not in decoded
    assert "." not in decoded


bases = st.sampled_from(
    [
        "https://h.test",
        "https://h.test/v1",
        "https://h.test/a/b",
        "http://127.0.0.1:8080/openai/v1",
        "https://h.test/v1beta",
    ]
)
nasty = st.lists(
    st.sampled_from(
        ["/", "..", ".", "%2e", "%2F", "%252e", "\\", "//", "v1", "messages", ":", "@", "?", "#", "%", "é", "\n"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(
    provider=st.sampled_from(sorted(PROVIDERS)),
    dialect=st.sampled_from(sorted(PATHS)),
    base=bases,
    path=nasty,
    query=nasty,
)
def test_no_path_and_no_query_escapes_the_base(
    provider: Provider, dialect: DialectName, base: str, path: str, query: str
) -> None:
    sent = url(provider, base, dialect, path or "/", query)
    assert_inside(sent.partition("?")[0], PROVIDERS[provider].api_root(base, dialect))
    assert sent.isprintable()
    assert "#" not in sent


@given(provider=st.sampled_from(sorted(PROVIDERS)), dialect=st.sampled_from(sorted(PATHS)), base=bases)
def test_version_is_never_doubled(provider: Provider, dialect: DialectName, base: str) -> None:
    assert "/v1/v1" not in url(provider, base, dialect)


@pytest.mark.parametrize("provider", sorted(p for p, profile in PROVIDERS.items() if profile.default_url))
def test_default_backend_has_an_absolute_url_for_every_dialect_it_speaks(provider: Provider) -> None:
    profile = PROVIDERS[provider]
    assert profile.dialects
    for dialect in profile.dialects:
        sent = urlsplit(url(provider, profile.default_url, dialect))
        assert sent.scheme in ("http", "https")
        assert sent.netloc == urlsplit(profile.default_url).netloc
