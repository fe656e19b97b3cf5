"""A server that nobody here knows: it speaks the dialects that its backend lists. Next: `table.py`."""

from ccproxy_sidecar.providers import auth
from ccproxy_sidecar.providers.profile import ProviderProfile

PROFILE = ProviderProfile(
    name="Custom",
    dialects=(),
    authenticate=auth.by_dialect,
    endings=("/v1", "/v1beta"),
    # A strict server answers 422 to a field it does not know; a stream without usage is only estimated.
    stream_usage=False,
)
