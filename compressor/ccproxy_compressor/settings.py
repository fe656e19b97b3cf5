"""The compressor's settings: the only place that reads its environment, once.

Next: `app.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import COMPRESSOR_PORT, OPS_PORT, SERVICE_ACCOUNT
from ccproxy_runtime.variables import api_server, number, path, required

MIB = 1024 * 1024
_SET_BY = "the operator sets it in the compressor's Deployment"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a compressor listens, whom it believes and how much it takes on."""

    tls: Path
    """Folder of `tls.crt` and `tls.key`; followed."""
    api_server: str
    """The cluster's API server, whose keys sign the tokens of sidecars."""
    service_account: Path = Path(SERVICE_ACCOUNT)
    """Folder of the pod's own token and the API server's root, as kubelet mounts it."""
    issuer_file: Path | None = None
    """File that keeps those keys over a restart; empty: none."""
    host: str = "0.0.0.0"
    """Address to listen on."""
    port: int = COMPRESSOR_PORT
    """Port to listen on, TLS."""
    ops_port: int = OPS_PORT
    """Port of `/healthz`, `/readyz` and `/metrics`, plain."""
    threads: int = 1
    """Requests that are worked at the same time."""
    queue: int = 64
    """Requests that are held, those under way included; one more is answered 503."""
    queue_bytes: int = 64 * MIB
    """Bytes that are held."""
    max_body_bytes: int = 16 * MIB
    """Longest request; a longer one is answered 413."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or no number."""
    env = os.environ if environ is None else environ
    return Settings(
        tls=Path(required(env, "CCPROXY_TLS", set_by=_SET_BY)),
        api_server=env.get("CCPROXY_API_SERVER", "") or api_server(env) or "https://kubernetes.default.svc",
        service_account=Path(env.get("CCPROXY_SERVICE_ACCOUNT", "") or SERVICE_ACCOUNT),
        issuer_file=path(env, "CCPROXY_ISSUER_FILE"),
        host=env.get("CCPROXY_HOST", "0.0.0.0"),
        port=number(env, "CCPROXY_PORT", COMPRESSOR_PORT),
        ops_port=number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        threads=number(env, "CCPROXY_THREADS", 1),
        queue=number(env, "CCPROXY_QUEUE", 64),
        queue_bytes=number(env, "CCPROXY_QUEUE_BYTES", 64 * MIB),
        max_body_bytes=number(env, "CCPROXY_MAX_BODY_BYTES", 16 * MIB),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
    )
