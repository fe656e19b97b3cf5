"""Roots and leaves as Secrets of the system namespace, and back; pure.

`ccproxy-root` holds tls.crt, tls.key (signs now), next.crt, next.key (signs later), previous.crt (signed before).
A leaf Secret is of type kubernetes.io/tls and holds in `ca.crt` every root to trust now.
Must not reach the cluster. Next: `keeper.py`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from ccproxy_contract.names import GROUP
from ccproxy_operator.certificates.authority import Pair, read_pair
from ccproxy_operator.certificates.plan import Roots
from ccproxy_operator.marks import MADE

ROOT_SECRET: Final = "ccproxy-root"
SERVERS: Final = ("ccproxy-operator", "ccproxy-injector", "ccproxy-ledger", "ccproxy-compressor")
"""Each has a leaf in the Secret of its name with `-tls`."""
LEDGER: Final = "ccproxy-ledger"
BOOKS: Final = "ccproxy-books"
"""Service of the ledger's books: another name of the same certificate, in a trial of the same pod."""
LABELS: Final = {
    **MADE,
    f"{GROUP}/certificate": "true",
}
"""The uninstall hook deletes by the first."""


def secret_name(server: str) -> str:
    """Secret of a server's leaf."""
    return f"{server}-tls"


def names_of(server: str, namespace: str) -> frozenset[str]:
    """DNS names of a server; the ledger's pods have names of their own, and its books have a Service of their own."""
    service = f"{server}.{namespace}"
    names = {server, service, f"{service}.svc", f"{service}.svc.cluster.local"}
    if server == LEDGER:
        names |= {f"*.{service}.svc", f"*.{service}.svc.cluster.local"}
        names |= names_of(BOOKS, namespace)
    return frozenset(names)


def texts(secret: Mapping[str, Any] | None) -> dict[str, str]:
    """The Secret's values, decoded; a value that is not text is left out, as if it were missing."""
    found = {}
    for key, value in ((secret or {}).get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, TypeError):
            continue
    return found


def leaf_in(secret: Mapping[str, Any] | None) -> Pair | None:
    """The leaf of a Secret; None when it is missing or broken."""
    return _pair(texts(secret), "tls")


def roots_in(secret: Mapping[str, Any] | None) -> Roots | None:
    """The roots of `ccproxy-root`; None when they are missing or broken. A broken next root counts as none."""
    values = texts(secret)
    present = _pair(values, "tls")
    if present is None:
        return None
    return Roots(present=present, next=_pair(values, "next"), previous=values.get("previous.crt", ""))


def trusted_roots(secret: Mapping[str, Any] | None) -> str:
    """PEM of all roots to trust now, from `ccproxy-root` or (also cert-manager's) from the `ca.crt` of a leaf Secret.

    This is what a snapshot carries as `next_root`, always, also when no change is near: a pod that was injected before
    a change of roots holds only the old one in its environment. Empty: not known.
    """
    roots = roots_in(secret)
    values = texts(secret)
    if roots is not None and "ca.crt" not in values:
        return roots.trusted
    return values.get("ca.crt", "")


def root_manifest(roots: Roots, namespace: str, *, resource_version: str = "") -> dict[str, Any]:
    """The Secret to apply; with `resource_version` the API server refuses it when somebody was faster."""
    values = {"tls.crt": roots.present.certificate, "tls.key": roots.present.key, "previous.crt": roots.previous}
    values["next.crt"] = roots.next.certificate if roots.next else ""
    values["next.key"] = roots.next.key if roots.next else ""
    return _manifest(ROOT_SECRET, namespace, values, resource_version=resource_version)


def leaf_manifest(server: str, leaf: Pair, *, trusted: str, namespace: str) -> dict[str, Any]:
    """The Secret to apply."""
    values = {"tls.crt": leaf.certificate, "tls.key": leaf.key, "ca.crt": trusted}
    return _manifest(secret_name(server), namespace, values)


def _manifest(name: str, namespace: str, values: Mapping[str, str], *, resource_version: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": dict(LABELS)}
    if resource_version:
        metadata["resourceVersion"] = resource_version
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def _pair(values: Mapping[str, str], stem: str) -> Pair | None:
    try:
        return read_pair(values.get(f"{stem}.crt", ""), values.get(f"{stem}.key", ""))
    except ValueError:
        return None
