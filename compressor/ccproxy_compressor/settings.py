"""The compressor's settings: the only place that reads its environment, once.

Next: `app.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import COMPRESSOR_PORT, OPS_PORT
from ccproxy_runtime.issuer_keys import POD_ACCOUNT

MIB = 1024 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a compressor listens, whom it believes and how much it takes on."""

    tls: Path
    """Folder of `tls.crt` and `tls.key`; followed."""
    api_url: str
    """The cluster's API server, whose keys sign the tokens of sidecars."""
    api_account: Path = POD_ACCOUNT
    """Folder of the pod's own token and the API server's root, as kubelet mounts it."""
    issuer_keys: Path | None = None
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
    kept = env.get("CCPROXY_ISSUER_KEYS", "")
    return Settings(
        tls=Path(_required(env, "CCPROXY_TLS")),
        api_url=env.get("CCPROXY_API_URL", "") or _in_cluster(env),
        api_account=Path(env.get("CCPROXY_API_ACCOUNT", "") or POD_ACCOUNT),
        issuer_keys=Path(kept) if kept else None,
        host=env.get("CCPROXY_HOST", "0.0.0.0"),
        port=_number(env, "CCPROXY_PORT", COMPRESSOR_PORT),
        ops_port=_number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        threads=_number(env, "CCPROXY_THREADS", 1),
        queue=_number(env, "CCPROXY_QUEUE", 64),
        queue_bytes=_number(env, "CCPROXY_QUEUE_BYTES", 64 * MIB),
        max_body_bytes=_number(env, "CCPROXY_MAX_BODY_BYTES", 16 * MIB),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
    )


def _in_cluster(env: Mapping[str, str]) -> str:
    """The API server as kubelet tells every pod."""
    host, port = _required(env, "KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set; the operator sets it in the compressor's Deployment")
    return value


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{name}={text!r} is not a whole number")
    return int(text)
