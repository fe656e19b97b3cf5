"""What each provider of a ModelBackend may leave out, from the compiler's own table. Next: `environment.py`."""

from __future__ import annotations

from ccproxy_policy.providers import DEFAULTS
from tools.docs.table import table


def provider_table() -> str:
    """Address, dialects and credentials of each provider."""
    rows = [
        (
            f"`{name}`",
            f"`{default.url}`" if default.url else "write `endpoint.url`",
            ", ".join(f"`{dialect}`" for dialect in default.dialects) or "write `dialects`",
            "none needed" if default.self_hosted else f"e.g. `{{env: {default.key_variable}}}`",
        )
        for name, default in DEFAULTS.items()
    ]
    return table(("Provider", "Address", "Dialects", "Credentials"), rows)
