"""The uninstall hook's settings: the only place that reads its environment, once. The chart sets exactly these.

Next: `last_word.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import OPERATOR_PORT, TOKENS
from ccproxy_runtime.variables import number, path, required


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the operator is, how long to wait for it, and what shall stay."""

    namespace: str
    """The system namespace."""
    operator_url: str
    """`https://host:port` of the streams, where any replica answers."""
    root_file: Path = Path("/etc/ccproxy/tls/ca.crt")
    """The roots by which the operator is known; missing: it is not asked."""
    tokens: Path = Path(TOKENS)
    """Folder of this pod's token of audience `ccproxy-config`."""
    timeout_s: float = 60.0
    """For the sidecars' last snapshot, and again for the operator to stop."""
    keep_kinds: bool = True
    """False: the three kinds go, and every object of them."""
    kubeconfig: Path | None = None
    """Credentials of the API server; None: the pod's own ServiceAccount."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or no number."""
    env = os.environ if environ is None else environ
    namespace = required(env, "CCPROXY_NAMESPACE", set_by="the chart sets it")
    return Settings(
        namespace=namespace,
        operator_url=env.get("CCPROXY_OPERATOR_URL", "") or f"https://ccproxy-operator.{namespace}.svc:{OPERATOR_PORT}",
        root_file=Path(env.get("CCPROXY_ROOT_FILE", "") or "/etc/ccproxy/tls/ca.crt"),
        tokens=Path(env.get("CCPROXY_TOKENS", "") or TOKENS),
        timeout_s=float(number(env, "CCPROXY_TIMEOUT_SECONDS", 60)),
        keep_kinds=env.get("CCPROXY_KEEP_KINDS", "1") != "0",
        kubeconfig=path(env, "CCPROXY_KUBECONFIG"),
    )
