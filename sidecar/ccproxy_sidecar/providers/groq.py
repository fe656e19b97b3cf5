"""Groq. Next: `openrouter.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Groq",
    dialects=("openai-chat", "openai-responses"),
    authenticate=auth.bearer,
    # console.groq.com/docs/openai, 2026-11; Groq's own SDK takes the bare origin.
    default_url="https://api.groq.com/openai/v1",
    openai_prefix="/openai/v1",
    endings=("/openai/v1", "/openai"),
    # console.groq.com/docs/api-reference, chat, `stream_options`, 2026-11.
    stream_usage=True,
)
