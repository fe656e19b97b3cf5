"""The settings of a ledger on a cluster: read from the environment here only, once. The chart sets them.

Next: `accounts.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ccproxy_contract.names import LEDGER_PORT, OPS_PORT, SERVICE_ACCOUNT, TOKENS
from ccproxy_runtime.variables import api_server, number, path, required

MIB = 1024 * 1024
_SET_BY = "the chart sets it"
Role = Literal["collector", "books", "both"]
ROLES: tuple[Role, ...] = ("collector", "books", "both")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the ledger on a cluster."""

    role: Role
    """`collector` takes events, `books` answers `/usage`, `both` does both in one pod (trials)."""
    namespace: str
    """The namespace ccproxy is installed in; only its ServiceAccounts may read `/usage`."""
    pod: str = ""
    """`namespace/name` of this pod; the name of a collector among its siblings."""
    tls: Path
    """Folder of the certificate (`tls.crt`, `tls.key`); followed."""
    spool: Path | None = None
    """Folder of the batches that the database does not have yet, on a volume of this pod (collector, both)."""
    spool_cap_bytes: int = 1024 * MIB
    """Room that the spool may take on disk."""
    database_url: str = ""
    """The Postgres to use."""
    database_url_file: Path | None = None
    """File that holds the URL of the Postgres; followed, so that a password can change without a restart."""
    pgdata: Path | None = None
    """Folder of an embedded Postgres, in place of a URL (role `both` only)."""
    operator_url: str = ""
    """`wss://host:port` of the operator, where the accounts come from (collector, both)."""
    root_file: Path
    """The root certificate that the operator's certificate hangs from; `ca.crt` beside the certificate if not set."""
    tokens: Path = Path(TOKENS)
    """Folder of this pod's own tokens; `ccproxy-config` is the one for the operator."""
    api_server: str
    """The Kubernetes API server, asked for the keys that tokens are verified with."""
    service_account: Path = Path(SERVICE_ACCOUNT)
    """Folder of this pod's own token for the API server and its root (`token`, `ca.crt`)."""
    issuer_file: Path | None = None
    """File that keeps the last good keys over a restart; empty: they are asked for at each start."""
    host: str = ""
    """Address to listen on; empty: all."""
    port: int = LEDGER_PORT
    """Port of events and `/usage`, TLS."""
    ops_port: int = OPS_PORT
    """Port of `/healthz`, `/readyz` and `/metrics`, plain."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""

    @property
    def collects(self) -> bool:
        return self.role != "books"

    @property
    def answers(self) -> bool:
        return self.role != "collector"

    @property
    def name(self) -> str:
        """Of this collector: its pod's name, which a StatefulSet keeps."""
        return self.pod.rpartition("/")[2] or "collector"

    def url(self) -> str:
        """Where the database is now. Raises: `OSError`, `ValueError` while the file does not say."""
        if self.database_url_file is None:
            return self.database_url
        url = self.database_url_file.read_text().strip()
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("the file of CCPROXY_DATABASE_URL_FILE must hold a postgresql:// URL")
        return url


def role_from_environment(environ: Mapping[str, str] | None = None) -> Role | None:
    """`None`: the one process of a laptop. Raises `ValueError` for a role that there is not."""
    named = (os.environ if environ is None else environ).get("CCPROXY_LEDGER_ROLE", "")
    if not named:
        return None
    for role in ROLES:
        if role == named:
            return role
    raise ValueError(f"CCPROXY_LEDGER_ROLE={named!r} is none of {', '.join(ROLES)}")


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or wrong."""
    env = os.environ if environ is None else environ
    role = role_from_environment(env)
    if role is None:
        raise ValueError("CCPROXY_LEDGER_ROLE is not set")
    collects = role != "books"
    tls = Path(required(env, "CCPROXY_TLS", set_by=_SET_BY))
    settings = Settings(
        role=role,
        namespace=required(env, "CCPROXY_NAMESPACE", set_by=_SET_BY),
        pod=env.get("CCPROXY_POD", ""),
        tls=tls,
        spool=Path(required(env, "CCPROXY_LEDGER_SPOOL", set_by=_SET_BY)) if collects else None,
        spool_cap_bytes=number(env, "CCPROXY_LEDGER_SPOOL_CAP_BYTES", 1024 * MIB),
        database_url=env.get("CCPROXY_DATABASE_URL", ""),
        database_url_file=path(env, "CCPROXY_DATABASE_URL_FILE"),
        pgdata=path(env, "CCPROXY_PGDATA"),
        operator_url=required(env, "CCPROXY_OPERATOR_URL", set_by=_SET_BY) if collects else "",
        root_file=path(env, "CCPROXY_ROOT_FILE") or tls / "ca.crt",
        tokens=Path(env.get("CCPROXY_TOKENS", TOKENS)),
        api_server=env.get("CCPROXY_API_SERVER", "") or api_server(env) or "https://kubernetes.default.svc",
        service_account=Path(env.get("CCPROXY_SERVICE_ACCOUNT", SERVICE_ACCOUNT)),
        issuer_file=path(env, "CCPROXY_ISSUER_FILE"),
        host=env.get("CCPROXY_LEDGER_HOST", ""),
        port=number(env, "CCPROXY_LEDGER_PORT", LEDGER_PORT),
        ops_port=number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
    )
    for wrong, sentence in _FAULTS:
        if wrong(settings):
            raise ValueError(sentence)
    return settings


_FAULTS: tuple[tuple[Callable[[Settings], bool], str], ...] = (
    (
        lambda s: [bool(s.database_url), s.database_url_file is not None, s.pgdata is not None].count(True) != 1,
        "set one of CCPROXY_DATABASE_URL_FILE, CCPROXY_DATABASE_URL and (role both) CCPROXY_PGDATA",
    ),
    (lambda s: s.pgdata is not None and s.role != "both", "CCPROXY_PGDATA goes with CCPROXY_LEDGER_ROLE=both only"),
    (
        lambda s: bool(s.database_url) and not s.database_url.startswith(("postgresql://", "postgres://")),
        "CCPROXY_DATABASE_URL must start with postgresql://",
    ),
)
