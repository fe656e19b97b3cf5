"""Anthropic's own API. Next: `openai.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Anthropic",
    dialects=("anthropic-messages",),
    authenticate=auth.anthropic,
    # The SDK's base URL has no version: docs.anthropic.com SDK pages, apis.md §1.9, 2026-11.
    default_url="https://api.anthropic.com",
    # Its OpenAI-compatible endpoint takes stream_options: docs.anthropic.com/en/api/openai-sdk, 2026-11.
    stream_usage=True,
    # `metadata.user_id` is at most 256 characters: API reference, Messages, 2026-11.
    user_limit=256,
)
