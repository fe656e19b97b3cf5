"""The test's settings: the only place that reads its environment, once. The chart sets exactly these.

Next: `provider.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import LEDGER_PORT, TOKENS
from ccproxy_runtime.variables import required

PROVIDER_PORT = 8080
_SET_BY = "the chart sets it"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are in this cluster."""

    namespace: str
    """The system namespace."""
    image: str
    """Of the pod that is injected: the operator's own."""
    pull_policy: str = "IfNotPresent"
    """Of that pod."""
    books_url: str
    """`https://host:port` that answers `/usage`."""
    root_file: Path = Path("/etc/ccproxy/tls/ca.crt")
    """The roots by which the books are known."""
    tokens: Path = Path(TOKENS)
    """Folder of this pod's token of audience `ccproxy-ledger`."""
    timeout_s: float = 90.0
    """For the pod, and again for its figures."""

    @property
    def provider(self) -> str:
        """`host:port` of this process's provider, as pods see it."""
        return f"ccproxy-test.{self.namespace}.svc:{PROVIDER_PORT}"


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing."""
    env = os.environ if environ is None else environ
    namespace = required(env, "CCPROXY_NAMESPACE", set_by=_SET_BY)
    return Settings(
        namespace=namespace,
        image=required(env, "CCPROXY_TEST_IMAGE", set_by=_SET_BY),
        pull_policy=env.get("CCPROXY_TEST_PULL_POLICY", "") or "IfNotPresent",
        books_url=env.get("CCPROXY_BOOKS_URL", "") or f"https://ccproxy-books.{namespace}.svc:{LEDGER_PORT}",
        root_file=Path(env.get("CCPROXY_ROOT_FILE", "") or "/etc/ccproxy/tls/ca.crt"),
        tokens=Path(env.get("CCPROXY_TOKENS", "") or TOKENS),
    )
