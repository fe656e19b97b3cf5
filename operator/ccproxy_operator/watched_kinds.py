"""The kinds that the operator watches, where the API server has them, and what of them it needs.

Must not hold behaviour. Next: `versions.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ccproxy_contract.names import GROUP, LABEL_CREDENTIALS, LABEL_INJECTED


class Watched(NamedTuple):
    """One kind. `labels` and `fields` select on the server's side."""

    group: str
    version: str
    plural: str
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False
    compiled: bool = True
    """Whether what is compiled depends on it."""

    @property
    def path(self) -> str:
        """Path of the list of all namespaces."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"


KINDS: Final[dict[str, Watched]] = {
    "RoutingPolicy": Watched(GROUP, "v1alpha1", "routingpolicies"),
    "ModelBackend": Watched(GROUP, "v1alpha1", "modelbackends"),
    "Tenant": Watched(GROUP, "v1alpha1", "tenants"),
    "Namespace": Watched("", "v1", "namespaces", metadata_only=True),
    "Secret": Watched("", "v1", "secrets", labels=f"{LABEL_CREDENTIALS}=true"),
    "Pod": Watched(
        "",
        "v1",
        "pods",
        labels=f"{LABEL_INJECTED}=true",
        fields="status.phase!=Succeeded,status.phase!=Failed",
        metadata_only=True,
        compiled=False,
    ),
}
OWN_KINDS: Final = ("RoutingPolicy", "ModelBackend")
"""Kinds that a namespace's slices are made of."""
STATUS_KINDS: Final = (*OWN_KINDS, "Tenant")
"""Kinds whose objects are told how they are."""
KIND_OF_PATH: Final = {watched.path: kind for kind, watched in KINDS.items()}
