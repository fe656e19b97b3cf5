"""What a ModelBackend may leave out: address, dialects and public prices of each provider.

How a dialect's path joins the address is the sidecar's matter (`ccproxy_sidecar/providers`), which holds the sources
of addresses and dialects; a test holds both tables equal. Facts as of 2026-11 (apis.md §3.6). Next: `endpoints.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ccproxy_contract.snapshot import DialectName, Provider

_OPENAI: Final[tuple[DialectName, ...]] = ("openai-chat", "openai-responses", "openai-embeddings")
_MANY: Final[tuple[DialectName, ...]] = (
    "openai-chat", "anthropic-messages", "openai-responses", "openai-embeddings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProviderDefaults:
    """`price_keys`: provider ids of the genai-prices data. `self_hosted`: plain http and no credentials are usual."""

    url: str
    dialects: tuple[DialectName, ...]
    price_keys: tuple[str, ...] = ()
    self_hosted: bool = False
    key_variable: str = ""
    """The environment variable that the provider's own SDK reads; only ever named in advice."""


DEFAULTS: Final[dict[Provider, ProviderDefaults]] = {
    "Anthropic": ProviderDefaults(
        "https://api.anthropic.com", ("anthropic-messages",), ("anthropic",), key_variable="ANTHROPIC_API_KEY"
    ),
    "OpenAI": ProviderDefaults("https://api.openai.com/v1", _OPENAI, ("openai",), key_variable="OPENAI_API_KEY"),
    "AzureOpenAI": ProviderDefaults("", _OPENAI, ("azure", "openai"), key_variable="AZURE_OPENAI_API_KEY"),
    "Gemini": ProviderDefaults(
        "https://generativelanguage.googleapis.com",
        ("gemini-generate", "openai-chat", "openai-embeddings"),
        ("google",),
        key_variable="GEMINI_API_KEY",
    ),
    "DeepSeek": ProviderDefaults(
        "https://api.deepseek.com",
        ("openai-chat", "anthropic-messages"),
        ("deepseek",),
        key_variable="DEEPSEEK_API_KEY",
    ),
    "Groq": ProviderDefaults(
        "https://api.groq.com/openai/v1", ("openai-chat", "openai-responses"), ("groq",), key_variable="GROQ_API_KEY"
    ),
    "OpenRouter": ProviderDefaults(
        "https://openrouter.ai/api/v1", _MANY, ("openrouter",), key_variable="OPENROUTER_API_KEY"
    ),
    "Mistral": ProviderDefaults(
        "https://api.mistral.ai/v1",
        ("openai-chat", "openai-embeddings"),
        ("mistral",),
        key_variable="MISTRAL_API_KEY",
    ),
    "Ollama": ProviderDefaults("http://127.0.0.1:11434", _MANY, self_hosted=True),
    "LocalAI": ProviderDefaults("http://127.0.0.1:8080/v1", _MANY, self_hosted=True),
    "VLLM": ProviderDefaults("http://127.0.0.1:8000/v1", _MANY, self_hosted=True),
    "TGI": ProviderDefaults("http://127.0.0.1:8080/v1", ("openai-chat",), self_hosted=True),
    "Custom": ProviderDefaults("", (), self_hosted=True),
}

ALWAYS_PRICED: Final = ("anthropic", "openai", "google")
"""In every laptop's book: what a client asked for is priced too, whoever serves it."""


def defaults(provider: Provider | None) -> ProviderDefaults:
    """What the provider knows; a backend without one is refused elsewhere, until then it knows as little as Custom."""
    return DEFAULTS[provider or "Custom"]


EXAMPLE_URLS: Final[dict[Provider, str]] = {
    "AzureOpenAI": "https://NAME.openai.azure.com",
    "Custom": "https://llm.example.com/v1",
}
"""For the providers without an address of their own."""
