"""DeepSeek. Next: `groq.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="DeepSeek",
    dialects=("openai-chat", "anthropic-messages"),
    # Messages takes `x-api-key`: api-docs.deepseek.com/guides/anthropic_api, 2026-11.
    authenticate=auth.by_dialect,
    # Chat has no version in its base URL, Messages lives under /anthropic: api-docs.deepseek.com, 2026-11.
    default_url="https://api.deepseek.com",
    openai_prefix="",
    messages_prefix="/anthropic/v1",
    endings=("/anthropic/v1", "/anthropic", "/v1"),
    stream_usage=True,
    # Other characters are answered with 400: apis.md §1.3 (cc-connect#864), 2026-11.
    user_pattern="[A-Za-z0-9_-]+",
)
