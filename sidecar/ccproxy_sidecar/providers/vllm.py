"""vLLM's server. Next: `tgi.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="VLLM",
    dialects=("openai-chat", "anthropic-messages", "openai-responses", "openai-embeddings"),
    # `--api-key` is checked in `Authorization` alone, also on Messages: docs.vllm.ai/en/latest/serving, 2026-11.
    authenticate=auth.bearer,
    default_url="http://127.0.0.1:8000/v1",
    # `StreamOptions` of the OpenAI-compatible server: docs.vllm.ai, 2026-11.
    stream_usage=True,
)
