"""Hugging Face's text-generation-inference. Next: `custom.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="TGI",
    dialects=("openai-chat",),
    authenticate=auth.bearer,
    default_url="http://127.0.0.1:8080/v1",
    # In its Messages API since 3.0; earlier versions skip the field: huggingface.co/docs/text-generation-inference,
    # 2026-11.
    stream_usage=True,
)
