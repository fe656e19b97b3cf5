"""What is wrong in a world, in the words that its objects' status would have. Pure.

Must not ask the cluster. Next: `books.py`.
"""

from __future__ import annotations

from ccproxy_cli.cluster.written import World
from ccproxy_policy.admit import admitted
from ccproxy_policy.cluster.namespaces import compile_namespace
from ccproxy_policy.cluster.tenancy import tenants_of
from ccproxy_policy.problems import Problem

OURS = ("RoutingPolicy", "ModelBackend")


def problems_in(world: World) -> list[Problem]:
    """Every problem of every object."""
    tenancy = tenants_of(world.namespaces, world.of("Tenant"))
    problems = [*tenancy.problems, *_strangers(world)]
    for namespace in sorted({key[1] for key in world.documents if key[0] in OURS}):
        compiled = compile_namespace(
            namespace,
            world.of(*OURS, namespace=namespace),
            find=world.find,
            tenant=tenancy.tenant_of(namespace),
            namespace_labels=world.namespaces.get,
        )
        problems += compiled.problems
    return sorted(set(problems))


def _strangers(world: World) -> list[Problem]:
    """Documents of no kind that ccproxy knows: a file that was meant for it holds nothing else."""
    known = (*OURS, "Tenant", "Secret", "Namespace")
    strange = [admitted(document) for key, document in world.documents.items() if key[0] not in known]
    return [problem for found in strange if isinstance(found, list) for problem in found]
