"""The sidecar's settings: the only place that reads its environment, once.

Must not hold defaults that belong to a policy. Next: `app.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import DATA_PORT, OPS_PORT, TOKENS
from ccproxy_runtime.variables import number, path, required

MIB = 1024 * 1024
_SET_BY = "`ccproxy start` sets it, a bare sidecar needs it"
HOLD = "hold"
LET_THROUGH = "pass"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sidecar finds its snapshot, keeps its spool and listens. With `operator_url` it runs in a pod."""

    snapshot: Path
    """File of the compiled policies; followed."""
    spool: Path
    """Folder of the events that the ledger does not have yet."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = DATA_PORT
    """Port to listen on."""
    ledger_url: str = ""
    """Where events go; empty: they stay in the spool."""
    ledger_token_file: Path | None = None
    """File of the token that the ledger asks for."""
    metrics_token_file: Path | None = None
    """File of a token that `/metrics` asks for; empty: it asks for none."""
    max_body_bytes: int = 32 * MIB
    """Longest request body; a longer one is answered 413."""
    in_flight_bytes: int = 64 * MIB
    """Bodies and held answers of all calls together."""
    spool_cap_bytes: int = 256 * MIB
    """Room that the spool may take on disk."""
    custom_rules: bool = False
    """`1`: rules with `class` may load code."""
    rules_path: Path | None = None
    """Folder where that code lies."""
    parent: int = 0
    """Process to end with; 0: none."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    operator_url: str = ""
    """Operator that streams the snapshot (`wss://host:port`); `CCPROXY_SNAPSHOT` is then the last good one's file."""
    root_certificate: str = ""
    """PEM of the root that signs the operator's and the ledger's certificates."""
    tokens: Path = Path(TOKENS)
    """Folder of the pod's projected tokens, one file per audience."""
    pod: str = ""
    """`namespace/name` of the pod."""
    ops_host: str = ""
    """Address for probes and scrapes; empty: the data port alone answers them."""
    ops_port: int = OPS_PORT
    """Port for probes and scrapes."""
    no_config: str = HOLD
    """`hold`: calls before the first snapshot wait for it; `pass`: they go out on the client's own key."""
    grace_s: float = 25.0
    """Time from SIGTERM until everything is settled and handed over, in a pod."""
    ping_after_s: float = 15.0
    """Silence of a provider's stream after which ccproxy pings the client itself (clients give up at 300 s)."""
    idle_timeout_s: float = 600.0
    """Silence of a provider after which the attempt is given up (the clients' own limit, apis.md §1.5)."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or no number."""
    env = os.environ if environ is None else environ
    return Settings(
        snapshot=Path(required(env, "CCPROXY_SNAPSHOT", set_by=_SET_BY)),
        spool=Path(required(env, "CCPROXY_SPOOL", set_by=_SET_BY)),
        host=env.get("CCPROXY_HOST", "127.0.0.1"),
        port=number(env, "CCPROXY_PORT", DATA_PORT),
        ledger_url=env.get("CCPROXY_LEDGER_URL", "").rstrip("/"),
        ledger_token_file=path(env, "CCPROXY_LEDGER_TOKEN_FILE"),
        metrics_token_file=path(env, "CCPROXY_METRICS_TOKEN_FILE"),
        max_body_bytes=number(env, "CCPROXY_MAX_BODY_BYTES", 32 * MIB),
        in_flight_bytes=number(env, "CCPROXY_IN_FLIGHT_BYTES", 64 * MIB),
        spool_cap_bytes=number(env, "CCPROXY_SPOOL_CAP_BYTES", 256 * MIB),
        custom_rules=env.get("CCPROXY_CUSTOM_RULES") == "1",
        rules_path=path(env, "CCPROXY_RULES_PATH"),
        parent=number(env, "CCPROXY_EXIT_WITH_PARENT", 0),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
        operator_url=env.get("CCPROXY_OPERATOR_URL", "").rstrip("/"),
        root_certificate=env.get("CCPROXY_ROOT_CERTIFICATE", ""),
        tokens=Path(env.get("CCPROXY_TOKENS", TOKENS)),
        pod=env.get("CCPROXY_POD", ""),
        ops_host=env.get("CCPROXY_OPS_HOST", ""),
        ops_port=number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        no_config=_no_config(env.get("CCPROXY_NO_CONFIG", HOLD)),
        grace_s=number(env, "CCPROXY_GRACE_MS", 25_000) / 1000,
        ping_after_s=number(env, "CCPROXY_PING_AFTER_MS", 15_000) / 1000,
        idle_timeout_s=number(env, "CCPROXY_IDLE_TIMEOUT_MS", 600_000) / 1000,
    )


def snapshot_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where this process's snapshot lies; None when nobody said so."""
    return path(os.environ if environ is None else environ, "CCPROXY_SNAPSHOT")


def _no_config(text: str) -> str:
    if text not in (HOLD, LET_THROUGH):
        raise ValueError(f"CCPROXY_NO_CONFIG={text!r} is neither {HOLD} nor {LET_THROUGH}")
    return text
