"""The address of a backend: what may stand in `endpoint`, and the base URL that comes of it.

Must not resolve names or connect. Next: `credentials.py`.
"""

from __future__ import annotations

import re
import ssl
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ccproxy_contract.names import DATA_PORT
from ccproxy_policy.kinds.model_backend import ModelBackendSpec
from ccproxy_policy.problems import Findings, PathParts
from ccproxy_policy.providers import EXAMPLE_URLS, defaults

_URL: Final[PathParts] = ("spec", "endpoint", "url")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PLAIN: Final = re.compile(r"[!-~]+")


def base_url(spec: ModelBackendSpec) -> str:
    """The base URL without a trailing slash; the provider's own where none is written."""
    return (spec.endpoint.url or defaults(spec.provider).url).rstrip("/")


def host_and_port(url: str) -> tuple[str, int]:
    """Host in lower case and port of a base URL without findings."""
    split = urlsplit(url)
    return split.hostname or "", split.port or (443 if split.scheme == "https" else 80)


def endpoint_findings(spec: ModelBackendSpec) -> Findings:
    """What is wrong with the address and the certificates. Never repeats an address: it may hold a password."""
    if spec.endpoint.url is not None:
        yield from _url_findings(spec, spec.endpoint.url)
    elif not defaults(spec.provider).url:
        yield (
            _URL,
            f"{spec.provider} has no address of its own; write one like {EXAMPLE_URLS[spec.provider or 'Custom']}",
        )
    if spec.endpoint.ca_bundle and not _is_certificates(spec.endpoint.ca_bundle.pem):
        yield ("spec", "endpoint", "caBundle", "pem"), "no certificates in it; write PEM, `-----BEGIN CERTIFICATE-----`"


def _url_findings(spec: ModelBackendSpec, url: str) -> Findings:
    split = _split(url)
    if split is None or split.scheme not in ("http", "https"):
        yield _URL, "not an address; write https://HOST[:PORT][/PATH]"
        return
    if split.username is not None or split.password is not None:
        yield _URL, "an address must not hold a user or password; use `credentials`"
    if "?" in url or "#" in url:
        yield _URL, "an address must not hold a query or fragment; write the base URL alone"
    host = split.hostname or ""
    if split.scheme == "http" and not _is_loopback(host) and not defaults(spec.provider).self_hosted:
        yield _URL, f"plain http would send {spec.provider} credentials unencrypted; write https://"
    if _is_loopback(host) and split.port == DATA_PORT:
        yield _URL, f"port {DATA_PORT} is ccproxy itself, calls would go in circles; write the provider's address"


def _split(url: str) -> SplitResult | None:
    """The parts of an address whose host and port make sense, else `None`."""
    if not _PLAIN.fullmatch(url) or "\\" in url:
        return None
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError:
        return None
    return split if port != 0 and (_HOST.fullmatch(host) or _is_address(host)) else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or (_is_address(host) and ip_address(host).is_loopback)


def _is_certificates(pem: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    return True
