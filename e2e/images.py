"""The images under test and the tools' own, built once per run and loaded into the cluster.

Must not decide what is in them: the Dockerfiles do. Next: `workloads.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from e2e.clusters import Cluster
from e2e.commands import run
from e2e.settings import IMAGES

MEMBERS = ("sidecar", "operator", "ledger", "compressor")
TAG = "e2e"


def built() -> dict[str, Path]:
    """Archive of each image, by name. Unchanged layers are not built again."""
    run(sys.executable, "-m", "tools.images", "--tag", TAG, "--archives", IMAGES, timeout_s=1800)
    return {name: IMAGES / f"{name}.tar" for name in (*MEMBERS, "e2e")}


def load_all(cluster: Cluster, archives: dict[str, Path]) -> None:
    """Make every image available to pods."""
    for archive in archives.values():
        cluster.load(archive)
