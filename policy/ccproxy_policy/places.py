"""What may be written on a laptop alone and what on a cluster alone, and what to write instead.

Must not look at other objects. Next: `providers.py`.
"""

from __future__ import annotations

from ccproxy_contract.names import NO_TENANT
from ccproxy_policy.admit import Kind
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.problems import Findings


def laptop_findings(kind: Kind) -> Findings:
    """Fields that need pods and namespaces."""
    if kind.metadata.namespace is not None:
        yield ("metadata", "namespace"), "a laptop has no namespaces; leave it out"
    if isinstance(kind, RoutingPolicy) and kind.spec.workload_selector.match_labels:
        yield ("spec", "workloadSelector", "matchLabels"), "a laptop has no pods to select; leave it out"
    if isinstance(kind, ModelBackend):
        if "allowed_namespaces" in kind.spec.model_fields_set:
            yield ("spec", "allowedNamespaces"), "a laptop has no namespaces to share with; leave it out"
        if kind.spec.compressor is not None:
            yield ("spec", "compressor"), "a laptop has no cluster to run it on; leave it out"
    if isinstance(kind, Tenant) and kind.spec.namespaces is not None:
        yield ("spec", "namespaces"), "a laptop has no namespaces, its tenant pays for every call; leave it out"


def cluster_findings(kind: Kind) -> Findings:
    """Fields that mean the machine where ccproxy runs, or that would let one tenant act for another."""
    if isinstance(kind, RoutingPolicy):
        for index, rule in enumerate(kind.spec.rules):
            if rule.match.class_ is not None:
                here = ("spec", "rules", index, "match", "class")
                yield here, "a rule of your own works on a laptop only; say it with the other fields of match"
    if isinstance(kind, ModelBackend) and kind.spec.credentials and kind.spec.credentials.env is not None:
        yield (
            ("spec", "credentials", "env"),
            "works on a laptop only; put the key into a Secret with the label ccproxy.ai/credentials=true and write "
            "secretRef: {name: NAME, key: KEY}",
        )
    if isinstance(kind, Tenant):
        if kind.metadata.name == NO_TENANT:
            yield ("metadata", "name"), f"`{NO_TENANT}` means that nobody pays; choose another name"
        if kind.metadata.namespace is not None:
            yield ("metadata", "namespace"), "a Tenant belongs to the whole cluster; leave it out"
