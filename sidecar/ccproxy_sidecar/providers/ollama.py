"""Ollama, local or its cloud. Next: `localai.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Ollama",
    dialects=("openai-chat", "anthropic-messages", "openai-responses", "openai-embeddings"),
    # Local servers ignore the key; the cloud takes Bearer only, also on Messages:
    # docs.ollama.com/api/anthropic-compatibility, 2026-11.
    authenticate=auth.bearer,
    default_url="http://127.0.0.1:11434",
    # docs.ollama.com/api/openai-compatibility lists `stream_options.include_usage`, 2026-11.
    stream_usage=True,
)
