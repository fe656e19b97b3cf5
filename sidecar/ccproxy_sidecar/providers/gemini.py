"""Google's Gemini API. Next: `deepseek.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Gemini",
    dialects=("gemini-generate", "openai-chat", "openai-embeddings"),
    authenticate=auth.google,
    # google-genai's base URL has no version, its paths have: ai.google.dev/api, 2026-11.
    default_url="https://generativelanguage.googleapis.com",
    # ai.google.dev/gemini-api/docs/openai, 2026-11.
    openai_prefix="/v1beta/openai",
    endings=("/v1beta/openai", "/v1beta", "/v1alpha", "/v1"),
    # `streamOptions` of the compatible endpoint: ai.google.dev/api/compatibility, 2026-11.
    stream_usage=True,
    # Bills another project than the key's: cloud.google.com/apis/docs/system-parameters, 2026-11.
    drop_headers=frozenset({"x-goog-user-project"}),
    # Google's prices include Vertex, which sells Anthropic's models too: genai-prices, 2026-11.
    not_served=("claude-",),
)
