"""The operator's settings: the only place that reads its environment, once.

Must not hold defaults of behaviour that no chart value sets. Next: `app.py`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import OPERATOR_PORT, OPS_PORT, SERVICE_ACCOUNT, SYSTEM_NAMESPACE, TOKENS
from ccproxy_runtime.variables import number, path

_OWN_NAMESPACE = Path(SERVICE_ACCOUNT) / "namespace"
_COMPRESSOR_IMAGES = {"Cpu": "CCPROXY_COMPRESSOR_IMAGE", "QRHead": "CCPROXY_COMPRESSOR_QRHEAD_IMAGE"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Who this replica is, where its API server is and where it listens."""

    namespace: str
    """The system namespace: where the chart is installed."""
    identity: str
    """Name of this replica, as the holder of the Lease: the pod's name."""
    kubeconfig: Path | None = None
    """Credentials of the API server; None: the pod's own ServiceAccount."""
    host: str = "0.0.0.0"
    """Pods connect from everywhere."""
    port: int = OPERATOR_PORT
    """Streams of the sidecars and the ledger, TLS; 0: a free one, told in the log."""
    ops_port: int = OPS_PORT
    """Health, readiness and metrics, plain HTTP; 0: a free one."""
    tokens: Path = Path(TOKENS)
    """Folder of this pod's own token of audience `ccproxy-config`, for the other replicas."""
    cert_manager: bool = False
    """cert-manager makes the certificates: the operator issues none, it only reads them."""
    compressor_images: dict[str, str] = {}
    """Engine to the image of compressors that ModelBackends ask for."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is wrong."""
    env = os.environ if environ is None else environ
    return Settings(
        namespace=env.get("CCPROXY_NAMESPACE", "") or _own_namespace(),
        identity=env.get("CCPROXY_POD_NAME", "") or socket.gethostname(),
        kubeconfig=path(env, "CCPROXY_KUBECONFIG"),
        host=env.get("CCPROXY_OPERATOR_HOST", "") or "0.0.0.0",
        port=number(env, "CCPROXY_OPERATOR_PORT", OPERATOR_PORT),
        ops_port=number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        tokens=Path(env.get("CCPROXY_TOKENS", "") or TOKENS),
        cert_manager=env.get("CCPROXY_CERT_MANAGER", "") == "1",
        compressor_images={engine: env.get(name, "") for engine, name in _COMPRESSOR_IMAGES.items()},
        log_level=env.get("CCPROXY_LOG_LEVEL", "") or "info",
    )


def _own_namespace() -> str:
    try:
        return _OWN_NAMESPACE.read_text().strip() or SYSTEM_NAMESPACE
    except OSError:
        return SYSTEM_NAMESPACE
