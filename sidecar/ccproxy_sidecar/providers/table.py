"""Every provider by its name in the snapshot. Next: `../upstream/`."""

from __future__ import annotations

from ccproxy_contract.snapshot import Provider
from ccproxy_sidecar.providers import (
    anthropic,
    azure_openai,
    custom,
    deepseek,
    gemini,
    groq,
    localai,
    mistral,
    ollama,
    openai,
    openrouter,
    tgi,
    vllm,
)
from ccproxy_sidecar.providers.profile import ProviderProfile

PROVIDERS: dict[Provider, ProviderProfile] = {
    profile.name: profile
    for profile in (
        anthropic.PROFILE,
        openai.PROFILE,
        azure_openai.PROFILE,
        gemini.PROFILE,
        deepseek.PROFILE,
        groq.PROFILE,
        openrouter.PROFILE,
        mistral.PROFILE,
        ollama.PROFILE,
        localai.PROFILE,
        vllm.PROFILE,
        tgi.PROFILE,
        custom.PROFILE,
    )
}
