"""What one file of tests would leave to the next on the same API server: found, and taken away.

A webhook configuration whose server is gone refuses pods; a Tenant claims namespaces of others.
"""

from __future__ import annotations

from tests.cluster.control_plane import ControlPlane

WIDE = (
    "mutatingwebhookconfigurations",  # first, so that none stands in the way of the rest
    "validatingwebhookconfigurations",
    "clusterrolebindings",
    "clusterroles",
    "namespaces",
)
TERMINATING = ("namespaces", "--field-selector=status.phase=Terminating")


def wide_objects(cluster: ControlPlane) -> list[str]:
    """All objects of those kinds of a cluster's width that tests make, as `kind/name`."""
    return cluster.kubectl("get", ",".join(WIDE), "-o", "name").stdout.split()


def clear(cluster: ControlPlane, its_own: list[str]) -> None:
    """Take away all but `its_own`; namespaces go in the background: their controller waits 5 s before it begins."""
    added = [name for name in wide_objects(cluster) if name not in its_own]
    if added:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", *added)
    kinds = [name.partition("/")[2] for name in cluster.kubectl("get", "crds", "-o", "name").stdout.split()]
    ours = [kind for kind in kinds if kind.endswith(".ccproxy.ai")]
    if ours:
        cluster.kubectl("delete", "--all", "--all-namespaces", "--wait=false", ",".join(ours))


def until_gone(cluster: ControlPlane) -> None:
    """Wait for namespaces that are terminating. Raises `AssertionError` when one stays longer than a minute."""
    if cluster.kubectl("get", *TERMINATING, "-o", "name").stdout:
        cluster.kubectl("wait", "--for=delete", *TERMINATING, "--timeout=60s", check=False)  # some may be gone already
        assert cluster.kubectl("get", *TERMINATING, "-o", "name").stdout == ""
