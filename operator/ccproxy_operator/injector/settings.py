"""The injector's settings: the only place that reads its environment, once. The chart sets exactly these.

Must not hold what a pod may choose. Next: `app.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ccproxy_contract.names import (
    INJECTOR_PORT,
    LEDGER_PORT,
    OPERATOR_PORT,
    OPS_PORT,
    SERVICE_ACCOUNT,
    SYSTEM_NAMESPACE,
)
from ccproxy_operator.injector.quantities import quantity
from ccproxy_runtime.variables import api_server, number

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
_ACCOUNT = Path(SERVICE_ACCOUNT)


class Amounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of one container; quantities as Kubernetes writes them, empty: not set."""

    cpu: str = ""
    memory: str = ""


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`requests` and `limits` of the sidecar."""

    requests: Amounts = Amounts(cpu="50m", memory="96Mi")
    limits: Amounts = Amounts(cpu="1", memory="384Mi")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the injector adds to pods, what pods may choose, and where it listens."""

    image: str
    """CCPROXY_SIDECAR_IMAGE: the sidecar's image. The only one without a default."""
    pull_policy: PullPolicy = "IfNotPresent"
    """CCPROXY_SIDECAR_PULL_POLICY."""
    resources: Resources = Resources()
    """CCPROXY_SIDECAR_RESOURCES: JSON `{"requests": {"cpu": …, "memory": …}, "limits": {…}}`."""
    image_prefixes: tuple[str, ...] = ()
    """CCPROXY_IMAGE_PREFIXES: comma-separated repositories that the annotation `ccproxy.ai/image` may name
    (`registry.example/ccproxy/`); empty: only the image above."""
    max_cpu: Fraction = Fraction(2)
    """CCPROXY_MAX_CPU: most that the annotation `ccproxy.ai/resources` may ask for, in cores."""
    max_memory_bytes: Fraction = Fraction(2**30)
    """CCPROXY_MAX_MEMORY: the same for memory, as a quantity (`1Gi`)."""
    run_as_user: int = 64141
    """CCPROXY_RUN_AS_USER: the sidecar's own UID and GID; 0: the cluster chooses (OpenShift)."""
    memory_size: str = "4Mi"
    """CCPROXY_MEMORY_SIZE: volume of the last good snapshot; holds two of up to 2 MiB, as one replaces the other."""
    state_size: str = "512Mi"
    """CCPROXY_STATE_SIZE: volume of spool and session memory. A pod that fills it would be evicted, so …"""
    spool_cap_bytes: int = 256 * 1024 * 1024
    """CCPROXY_SPOOL_CAP_BYTES: … the spool stays below it; default half of the volume."""
    token_s: int = 3600
    """CCPROXY_TOKEN_SECONDS: lifetime of the projected tokens; Kubernetes takes 600 and more."""
    sidecar_log_level: str = "info"
    """CCPROXY_SIDECAR_LOG_LEVEL."""
    namespace: str = SYSTEM_NAMESPACE
    """CCPROXY_NAMESPACE: where ccproxy itself runs; its pods are never injected."""
    operator_url: str
    """CCPROXY_OPERATOR_URL: default from the namespace."""
    ledger_url: str
    """CCPROXY_LEDGER_URL: default from the namespace."""
    tls: Path = Path("/etc/ccproxy/tls")
    """CCPROXY_TLS: folder with `tls.crt`, `tls.key`, `ca.crt`; followed."""
    root_file: Path = Path("/etc/ccproxy/tls/ca.crt")
    """CCPROXY_ROOT_FILE: PEM by which pods know operator and ledger; default `ca.crt` in that folder; followed."""
    host: str | None = None
    """CCPROXY_HOST: address to listen on; empty: all, IPv4 and IPv6."""
    port: int = INJECTOR_PORT
    """CCPROXY_PORT: of the webhook (TLS)."""
    ops_port: int = OPS_PORT
    """CCPROXY_OPS_PORT: plain, `/healthz /readyz /metrics` only."""
    linger_s: float = 5.0
    """CCPROXY_LINGER_MS: how long to answer after the stop signal, until no API server sends reviews here any more."""
    api_server: str = ""
    """CCPROXY_API_SERVER: where Events go; default: the cluster's own; empty outside of one: no Events."""
    api_token_file: Path = _ACCOUNT / "token"
    """CCPROXY_API_TOKEN_FILE."""
    api_ca_file: Path = _ACCOUNT / "ca.crt"
    """CCPROXY_API_CA_FILE."""
    log_level: str = "info"
    """CCPROXY_LOG_LEVEL: `debug`, `info`, `warning` or `error`."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or makes no sense."""
    env = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    if "CCPROXY_SIDECAR_IMAGE" not in env:
        raise ValueError("CCPROXY_SIDECAR_IMAGE is not set; the chart sets it")
    namespace = env.get("CCPROXY_NAMESPACE", SYSTEM_NAMESPACE)
    state_size = env.get("CCPROXY_STATE_SIZE", "512Mi")
    spool_cap_bytes = int(_amount(env, "CCPROXY_STATE_SIZE", "512Mi") / 2)
    _amount(env, "CCPROXY_MEMORY_SIZE", "4Mi")
    tls = Path(env.get("CCPROXY_TLS", "/etc/ccproxy/tls"))
    return Settings(
        image=env["CCPROXY_SIDECAR_IMAGE"],
        pull_policy=_pull_policy(env.get("CCPROXY_SIDECAR_PULL_POLICY", "IfNotPresent")),
        resources=_resources(env.get("CCPROXY_SIDECAR_RESOURCES", "{}")),
        image_prefixes=_list(env.get("CCPROXY_IMAGE_PREFIXES", "")),
        max_cpu=_amount(env, "CCPROXY_MAX_CPU", "2"),
        max_memory_bytes=_amount(env, "CCPROXY_MAX_MEMORY", "1Gi"),
        run_as_user=number(env, "CCPROXY_RUN_AS_USER", 64141),
        memory_size=env.get("CCPROXY_MEMORY_SIZE", "4Mi"),
        state_size=state_size,
        spool_cap_bytes=number(env, "CCPROXY_SPOOL_CAP_BYTES", spool_cap_bytes),
        token_s=number(env, "CCPROXY_TOKEN_SECONDS", 3600),
        sidecar_log_level=env.get("CCPROXY_SIDECAR_LOG_LEVEL", "info"),
        namespace=namespace,
        operator_url=env.get("CCPROXY_OPERATOR_URL", f"wss://ccproxy-operator.{namespace}.svc:{OPERATOR_PORT}"),
        ledger_url=env.get("CCPROXY_LEDGER_URL", f"https://ccproxy-ledger.{namespace}.svc:{LEDGER_PORT}"),
        tls=tls,
        root_file=Path(env.get("CCPROXY_ROOT_FILE", tls / "ca.crt")),
        host=env.get("CCPROXY_HOST"),
        port=number(env, "CCPROXY_PORT", INJECTOR_PORT),
        ops_port=number(env, "CCPROXY_OPS_PORT", OPS_PORT),
        linger_s=number(env, "CCPROXY_LINGER_MS", 5000) / 1000,
        api_server=env.get("CCPROXY_API_SERVER", api_server(env)).rstrip("/"),
        api_token_file=Path(env.get("CCPROXY_API_TOKEN_FILE", _ACCOUNT / "token")),
        api_ca_file=Path(env.get("CCPROXY_API_CA_FILE", _ACCOUNT / "ca.crt")),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
    )


def _pull_policy(text: str) -> PullPolicy:
    for known in get_args(PullPolicy):
        if text == known:
            return text  # type: ignore[return-value] # it is one of them
    raise ValueError(f"CCPROXY_SIDECAR_PULL_POLICY={text!r} is none of {', '.join(get_args(PullPolicy))}")


def _resources(text: str) -> Resources:
    try:
        resources = msgspec.json.decode(text, type=Resources)
    except ValueError as wrong:
        raise ValueError(f"CCPROXY_SIDECAR_RESOURCES: {wrong}") from None
    for amounts in (resources.requests, resources.limits):
        for text in (amounts.cpu, amounts.memory):
            if text and quantity(text) is None:
                raise ValueError(f"CCPROXY_SIDECAR_RESOURCES: {text!r} is no quantity")
    return resources


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _amount(env: Mapping[str, str], name: str, default: str) -> Fraction:
    amount = quantity(env.get(name, default))
    if amount is None or amount <= 0:
        raise ValueError(f"{name}={env.get(name)!r} is no quantity such as 500m or 1Gi")
    return amount
