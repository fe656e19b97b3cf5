"""OpenRouter. Next: `mistral.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="OpenRouter",
    dialects=("openai-chat", "anthropic-messages", "openai-responses", "openai-embeddings"),
    # Messages takes Bearer too (ANTHROPIC_AUTH_TOKEN): openrouter.ai/docs, 2026-11.
    authenticate=auth.bearer,
    default_url="https://openrouter.ai/api/v1",
    openai_prefix="/api/v1",
    messages_prefix="/api/v1",
    endings=("/api/v1", "/api"),
    stream_usage=True,
    # `user` over 128 characters is refused: apis.md §1.3 (claude-code-provider-proxy#11), 2026-11.
    user_limit=128,
)
