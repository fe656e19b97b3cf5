"""OpenAI models on Azure, through the version-less `v1` API. Next: `gemini.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.openai import ACCOUNT_HEADERS
from ccproxy_sidecar.providers.profile import OPENAI_DIALECTS, ProviderProfile

PROFILE = ProviderProfile(
    name="AzureOpenAI",
    dialects=OPENAI_DIALECTS,
    authenticate=auth.azure,
    # https://NAME.openai.azure.com/openai/v1/, no `api-version` needed since 2025-08; `model` names the deployment:
    # learn.microsoft.com/azure/foundry/openai/api-version-lifecycle, 2026-11.
    openai_prefix="/openai/v1",
    # Claude on the same resource: learn.microsoft.com/azure/foundry, "Use Claude models", 2026-11.
    messages_prefix="/anthropic/v1",
    endings=("/openai/v1", "/anthropic/v1", "/openai", "/anthropic"),
    stream_usage=True,
    user_limit=64,
    drop_headers=ACCOUNT_HEADERS,
)
