"""OpenAI's own API. Next: `azure_openai.py`."""

from typing import Final

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import OPENAI_DIALECTS, ProviderProfile

ACCOUNT_HEADERS: Final = frozenset({"openai-organization", "openai-project", "chatgpt-account-id"})
"""Name the client's organization, project or login: with another key OpenAI answers 401 (API reference,
Authentication, 2026-11; `chatgpt-account-id` is what Codex sends with a login)."""

PROFILE = ProviderProfile(
    name="OpenAI",
    dialects=OPENAI_DIALECTS,
    authenticate=auth.bearer,
    # OPENAI_BASE_URL ends in the version: apis.md §1.9, 2026-11.
    default_url="https://api.openai.com/v1",
    stream_usage=True,
    # `safety_identifier` and the older `user`: at most 64 characters, API reference, 2026-11.
    user_limit=64,
    drop_headers=ACCOUNT_HEADERS,
)
