"""Tenant: who pays. On a laptop a name, on a cluster also its namespaces; budgets and billing come with later issues.

Next: `secret.py`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ccproxy_policy.kinds.metadata import Labels, Metadata
from ccproxy_policy.kinds.strict import Strict


class TenantNamespaces(Strict):
    """Which namespaces of the cluster; without a label every one."""

    match_labels: Labels = {}
    """Labels a namespace must carry."""


class TenantSpec(Strict):
    """What the account covers."""

    planned: ClassVar[frozenset[str]] = frozenset(
        {"alerts", "apiKeys", "billing", "budgets", "limits", "network", "privacy", "signing"}
    )

    namespaces: TenantNamespaces | None = None
    """The namespaces whose calls it pays for (cluster only); of two tenants that select one the older has it."""


class Tenant(Strict):
    """The account that pays for calls."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["Tenant"]
    metadata: Metadata
    spec: TenantSpec = TenantSpec()
