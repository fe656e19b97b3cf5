"""The key of a cluster's backend: from a Secret that its owner gave free, for hosts that its owner named.

A Secret may be used only with the label `ccproxy.ai/credentials=true`, and sent only to the provider's own host or to
hosts in its annotation `ccproxy.ai/hosts`: who may write a ModelBackend must not be able to send the key elsewhere. A
provider that anybody can run, even inside the pod, has no host of its own.
This and `../credentials.py` alone touch secret values. Must never put one in a problem. Next: `references.py`.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ccproxy_contract.names import ANNOTATION_HOSTS, LABEL_CREDENTIALS
from ccproxy_policy.credentials import Found, key_checked, keyless
from ccproxy_policy.documents import Document
from ccproxy_policy.endpoints import base_url, host_and_port
from ccproxy_policy.kinds.model_backend import ModelBackendSpec, SecretRef
from ccproxy_policy.problems import Finding, PathParts
from ccproxy_policy.providers import defaults

_PATH: Final[PathParts] = ("spec", "credentials", "secretRef")
MAX_HOSTS_SHOWN: Final = 1024
"""Characters of an annotation that a message repeats; a longer one is not written out."""


def secret_ref(spec: ModelBackendSpec) -> SecretRef | None:
    """The value that has to be looked up, if any."""
    return spec.credentials.secret_ref if spec.credentials and not spec.credentials.pass_through else None


def cluster_credential(spec: ModelBackendSpec, *, namespace: str, secret: Document | None) -> Found:
    """The credential of a backend whose text has no findings; `secret` is the one that it names, if it is there."""
    ref = secret_ref(spec)
    instead = "{secretRef: {name: NAME, key: KEY}}"
    found = keyless(spec, instead=instead, ways="secretRef, passThrough")
    if found is not None or ref is None:
        return found or (_PATH[:2], f"write {instead} or {{passThrough: true}}")
    if secret is None:
        return (*_PATH, "name"), _not_found(ref.name, namespace), "SecretNotFound"
    return (
        _label_finding(ref, secret, namespace)
        or _host_finding(spec, ref, secret, namespace=namespace)
        or _key(ref, secret)
    )


def _not_found(name: str, namespace: str) -> str:
    return (
        f"there is no Secret `{name}` with the label {LABEL_CREDENTIALS}=true in namespace `{namespace}`; make it, "
        f"or give it the label: {_label_command(name, namespace)}"
    )


def _label_command(name: str, namespace: str) -> str:
    return f"kubectl label secret {name} -n {namespace} {LABEL_CREDENTIALS}=true --overwrite"


def _label_finding(ref: SecretRef, secret: Document, namespace: str) -> Finding | None:
    if _part(secret, "metadata", "labels").get(LABEL_CREDENTIALS) == "true":
        return None
    message = f"Secret `{ref.name}` is not given free for ccproxy; run: {_label_command(ref.name, namespace)}"
    return (*_PATH, "name"), message, "SecretNotLabelled"


def _host_finding(spec: ModelBackendSpec, ref: SecretRef, secret: Document, *, namespace: str) -> Finding | None:
    host, port = host_and_port(base_url(spec))
    provider = defaults(spec.provider)
    if provider.url and not provider.self_hosted and host == host_and_port(provider.url)[0]:
        return None
    written = str(_part(secret, "metadata", "annotations").get(ANNOTATION_HOSTS, ""))
    allowed = [entry.strip() for entry in written.split(",") if entry.strip()]
    if any(entry.lower() in _spellings(host, port) for entry in allowed):
        return None
    asked = _asked(spec)
    listed = ",".join([*allowed, asked])
    if len(listed) > MAX_HOSTS_SHOWN:
        how = f"add `{asked}` to its annotation {ANNOTATION_HOSTS}"
    else:
        pair = shlex.quote(f"{ANNOTATION_HOSTS}={listed}")
        how = f"run: kubectl annotate secret {ref.name} -n {namespace} {pair} --overwrite"
    message = f"Secret `{ref.name}` may not be sent to `{asked}`; if that is meant, {how}"
    return (*_PATH, "name"), message, "HostNotAllowed"


def _spellings(host: str, port: int) -> tuple[str, ...]:
    bracketed = f"[{host}]" if ":" in host else host
    return host, bracketed, f"{bracketed}:{port}"


def _asked(spec: ModelBackendSpec) -> str:
    """The host as its annotation should name it: with a port where the address has one."""
    host, port = host_and_port(base_url(spec))
    bare, _, with_port = _spellings(host, port)
    return with_port if urlsplit(base_url(spec)).port is not None else bare


def _key(ref: SecretRef, secret: Document) -> Found:
    here = (*_PATH, "key")
    values = _part(secret, "data")
    if ref.key not in values:
        return here, f"Secret `{ref.name}` has no `{ref.key}`; add it, or write a key that it has", "SecretKeyMissing"
    try:
        value = base64.b64decode(str(values[ref.key]), validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return here, f"`{ref.key}` of Secret `{ref.name}` is not base64 of a text; write it again", "SecretValueInvalid"
    if "${" in value:
        message = (
            f"`{ref.key}` of Secret `{ref.name}` names a variable, which a cluster does not look up; write the key"
        )
        return here, message, "SecretValueInvalid"
    found = key_checked(here, value, f"the value of `{ref.key}` of Secret `{ref.name}`")
    return (*found[:2], "SecretValueInvalid") if isinstance(found, tuple) else found


def _part(secret: Document, *path: str) -> Mapping[str, Any]:
    value: Any = secret.value
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
