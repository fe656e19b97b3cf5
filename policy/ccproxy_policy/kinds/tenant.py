"""Tenant: who pays. On a laptop a name; namespaces, budgets and billing come with later issues.

Next: `secret.py`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ccproxy_policy.kinds.metadata import Metadata
from ccproxy_policy.kinds.strict import Strict


class TenantSpec(Strict):
    """Nothing yet: every field of the design is planned."""

    planned: ClassVar[frozenset[str]] = frozenset(
        {"alerts", "apiKeys", "billing", "budgets", "limits", "namespaces", "network", "privacy", "signing"}
    )


class Tenant(Strict):
    """The account that pays for calls."""

    api_version: Literal["ccproxy.ai/v1alpha1"]
    kind: Literal["Tenant"]
    metadata: Metadata
    spec: TenantSpec = TenantSpec()
