"""Mistral's La Plateforme. Next: `ollama.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Mistral",
    dialects=("openai-chat", "openai-embeddings"),
    authenticate=auth.bearer,
    # Mistral's own SDK takes the bare origin, OpenAI's the version: docs.mistral.ai/api, 2026-11.
    default_url="https://api.mistral.ai/v1",
    # Unknown fields are 422 `extra_forbidden`, `stream_options.include_usage` among them, and the last chunk carries
    # usage unasked: openai-agents-python#442, avante.nvim#2347, read 2026-11.
    stream_usage=False,
)
