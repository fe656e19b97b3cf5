"""What a backend is called with: resolved from Secret documents and from an environment that is handed in.

This and `cluster/credentials.py` alone touch secret values. Must never put one in a problem. Next: `backend_prices.py`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from ccproxy_contract.snapshot import Credential
from ccproxy_policy.admit import Written
from ccproxy_policy.kinds.model_backend import Credentials, ModelBackendSpec, SecretRef
from ccproxy_policy.kinds.secret import Secret
from ccproxy_policy.problems import Finding, PathParts
from ccproxy_policy.providers import defaults

Secrets = Mapping[str, Written[Secret]]
Found = Credential | Finding
"""The credential, or where and why there is none."""

_PATH: Final[PathParts] = ("spec", "credentials")
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")
_KEY: Final = re.compile(r"[!-~]{1,8192}")
"""What can stand in a header: printable ASCII without spaces."""


def credential(spec: ModelBackendSpec, *, secrets: Secrets, environment: Mapping[str, str]) -> Found:
    """The credential of a laptop's backend; a provider that we run ourselves needs none."""
    variable = defaults(spec.provider).key_variable
    found = keyless(spec, instead=f"{{env: {variable}}}", ways="secretRef, env, passThrough")
    return found or _key(spec.credentials or Credentials(), secrets, environment)


def keyless(spec: ModelBackendSpec, *, instead: str, ways: str) -> Found | None:
    """The credential where no key is needed, or what is wrong; `None`: a key has to be looked up."""
    written = spec.credentials
    if written is None:
        message = f"is missing; write {instead}, or {{passThrough: true}} to send the client's own key on"
        return Credential(kind="None") if defaults(spec.provider).self_hosted else (_PATH, message)
    given = [x for x in (written.secret_ref, written.env, written.pass_through) if x is not None]
    if len(given) != 1:
        return _PATH, f"write exactly one of {ways}"
    return Credential(kind="PassThrough") if written.pass_through else None


def _key(written: Credentials, secrets: Secrets, environment: Mapping[str, str]) -> Found:
    if written.secret_ref:
        path = (*_PATH, "secretRef")
        value = _secret_value(written.secret_ref, secrets)
        if isinstance(value, tuple):
            return value
        reference = _REFERENCE.fullmatch(value)
        if reference:
            return _from_environment(path, reference[1], environment)
        if "${" in value:
            return path, f"the value of `{written.secret_ref.key}` must be a key or ${{NAME}} alone, not a mix of both"
        return key_checked(path, value, f"the value of `{written.secret_ref.key}`")
    return _from_environment((*_PATH, "env"), written.env or "", environment)


def _from_environment(path: PathParts, name: str, environment: Mapping[str, str]) -> Found:
    value = environment.get(name, "").strip()
    if not value:
        return path, f"{name} is not set where ccproxy runs; run `export {name}=...` and start ccproxy again"
    return key_checked(path, value, name)


def key_checked(path: PathParts, value: str, name: str) -> Found:
    """The value as a credential, if a header can carry it."""
    if not value:
        return path, f"{name} is empty; write the key"
    if not _KEY.fullmatch(value):
        return path, f"{name} cannot be sent in a header; write a key without spaces, line ends or other letters"
    return Credential(kind="Key", key=value)


def _secret_value(ref: SecretRef, secrets: Secrets) -> str | tuple[PathParts, str]:
    path = (*_PATH, "secretRef")
    if ref.name not in secrets:
        return (*path, "name"), f"there is no Secret `{ref.name}`; write a `kind: Secret` document of that name"
    secret = secrets[ref.name].object
    if ref.key in secret.string_data:
        return secret.string_data[ref.key].strip()
    if ref.key not in secret.data:
        return (*path, "key"), f"Secret `{ref.name}` has no `{ref.key}`; add it under stringData"
    try:
        return base64.b64decode(secret.data[ref.key], validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return (*path, "key"), f"`{ref.key}` of Secret `{ref.name}` is not base64; write it under stringData instead"
