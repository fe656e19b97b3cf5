"""The Kubernetes API as the operator uses it: get, list, create, replace, server-side apply, delete. One client.

Objects are plain JSON mappings. An answer that can be expected is a value (`get` of what is not there is None); the
rest raises `ApiFailed`. Must not decide what to write, must not retry. Next: `lease.py`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from ccproxy_operator.marks import OPERATOR

TIMEOUT_S: Final = 10.0
APPLY: Final = "application/apply-patch+yaml"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?")
PAGE: Final = 500
"""Objects of one page of a list."""

Object = dict[str, Any]
"""One Kubernetes object as decoded JSON."""


class ApiFailed(Exception):
    """The API server did not do it. The text holds no secret: the server's own reason, or the kind of failure."""


class ApiRefused(ApiFailed):
    """The API server said no. `status` is the HTTP status, `reason` its machine word (`Conflict`)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class ApiAway(ApiFailed):
    """The API server did not answer in time, or the connection broke; the request may have been carried out."""


class Access:
    """Where the API server is and how to be let in; shared by this client and the watches."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    @property
    def server(self) -> str:
        """Address without a trailing slash."""
        return str(self.configuration.host).rstrip("/")

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the cluster's certificate authority. Raises: `OSError`, `ssl.SSLError`."""
        context = ssl.create_default_context(
            cafile=self.configuration.ssl_ca_cert, cadata=self.configuration.ca_cert_data
        )
        if self.configuration.cert_file:
            context.load_cert_chain(self.configuration.cert_file, keyfile=self.configuration.key_file)
        return context

    async def authorization(self) -> str:
        """The value of the header, or empty; a ServiceAccount's token is read again each minute."""
        return await self.configuration.get_api_key_with_prefix("BearerToken") or ""


async def access_from(kubeconfig: Path | None) -> Access:
    """From a kubeconfig, else from the pod's ServiceAccount. Raises: `ValueError` when there is neither."""
    configuration = Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # generated
        else:
            loading = config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
            await loading
    except config.ConfigException as wrong:
        raise ValueError(f"no access to an API server: {wrong}") from None
    return Access(configuration)


class Api:
    """The verbs. `close` it when done."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._client = ApiClient(access.configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # generated

    async def get(self, path: str, *, metadata_only: bool = False, timeout_s: float = TIMEOUT_S) -> Object | None:
        """The object at `path`, or None when there is none. Raises: `ApiFailed`."""
        try:
            return await self.call("GET", path, headers=_accept(metadata_only), timeout_s=timeout_s)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def list(
        self, path: str, *, labels: str = "", fields: str = "", metadata_only: bool = False
    ) -> tuple[list[Object], str]:
        """All objects at `path` in pages, and the list's resourceVersion. Raises: `ApiFailed`."""
        found: list[Object] = []
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields, "continue": ""}
        while True:
            given = {key: value for key, value in query.items() if value}
            page = await self.call("GET", f"{path}?{urlencode(given)}", headers=_accept(metadata_only, plural=True))
            found += page.get("items") or []
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                return found, page["metadata"].get("resourceVersion", "")

    async def create(self, path: str, body: Mapping[str, object], *, timeout_s: float = TIMEOUT_S) -> Object | None:
        """The object made at the collection `path`, or None when one of its name is there. Raises: `ApiFailed`."""
        try:
            return await self.call("POST", f"{path}?fieldManager={OPERATOR}", body=body, timeout_s=timeout_s)
        except ApiRefused as refused:
            if refused.reason == "AlreadyExists":
                return None
            raise

    async def replace(self, path: str, body: Mapping[str, object], *, timeout_s: float = TIMEOUT_S) -> Object | None:
        """The object as stored, or None when it has changed since `body`'s resourceVersion. Raises: `ApiFailed`."""
        try:
            return await self.call("PUT", f"{path}?fieldManager={OPERATOR}", body=body, timeout_s=timeout_s)
        except ApiRefused as refused:
            if refused.status in (404, 409):
                return None
            raise

    async def apply(
        self, path: str, body: Mapping[str, object], *, manager: str = OPERATOR, timeout_s: float = TIMEOUT_S
    ) -> Object:
        """Server-side apply, taking fields from other managers. Raises: `ApiFailed`."""
        query = urlencode({"fieldManager": manager, "force": "true"})
        headers = {"Content-Type": APPLY}
        return await self.call("PATCH", f"{path}?{query}", body=body, headers=headers, timeout_s=timeout_s)

    async def apply_status(
        self, path: str, body: Mapping[str, object], *, timeout_s: float = TIMEOUT_S
    ) -> Object | None:
        """Server-side apply of the status; None when the object is gone or another has its name (`metadata.uid`).

        Raises: `ApiFailed`.
        """
        try:
            return await self.apply(f"{path}/status", body, timeout_s=timeout_s)
        except ApiRefused as refused:
            if refused.status in (404, 409):
                return None
            raise

    async def delete(self, path: str, *, propagation: str = "Background", timeout_s: float = TIMEOUT_S) -> bool:
        """False when there was nothing to delete. Raises: `ApiFailed`."""
        try:
            await self.call("DELETE", f"{path}?propagationPolicy={propagation}", timeout_s=timeout_s)
        except ApiRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Object:
        """One request; the decoded answer. Raises: `ApiRefused`, `ApiAway`."""
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        authorization = await self.access.authorization()
        if authorization:
            sent["Authorization"] = authorization
        try:
            answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]  # generated
                method,
                self.access.server + path,
                headers=sent,
                body=body,
                _request_timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, 5.0)),
            )
            raw = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiAway(type(error).__name__) from None
        return _decoded(answer.status, raw)


def path_of(api_version: str, plural: str, namespace: str = "", *, name: str = "") -> str:
    """Path of an object or, without `name`, of its collection; `api_version` such as `v1` or `apps/v1`.

    Raises: `ApiRefused` for a name that no object has.
    """
    if name and not is_name(name):
        raise ApiRefused(404, "NotFound", "no object has such a name")
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{name}" if name else "")


def is_name(text: str) -> bool:
    """Can an object be called so? Pods name owners that the API server has not looked at: `x/../../../other/jobs/y`."""
    return _NAME.fullmatch(text) is not None


def _accept(metadata_only: bool, *, plural: bool = False) -> dict[str, str]:
    if not metadata_only:
        return {}
    kind = "PartialObjectMetadataList" if plural else "PartialObjectMetadata"
    return {"Accept": f"application/json;as={kind};g=meta.k8s.io;v=v1"}


def _decoded(status: int, raw: bytes) -> Object:
    try:
        answer = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        answer = {}
    found: Object = answer if isinstance(answer, dict) else {}
    if 200 <= status < 300:
        return found
    raise ApiRefused(status, str(found.get("reason") or "Unknown"), str(found.get("message") or "")[:500])
