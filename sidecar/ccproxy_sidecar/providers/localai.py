"""LocalAI. Next: `vllm.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="LocalAI",
    dialects=("openai-chat", "anthropic-messages", "openai-responses", "openai-embeddings"),
    authenticate=auth.bearer,
    default_url="http://127.0.0.1:8080/v1",
    # Its JSON decoder skips fields it does not know, so asking cannot fail: localai.io/docs, 2026-11.
    stream_usage=True,
)
