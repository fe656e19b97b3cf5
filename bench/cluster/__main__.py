"""`python -m bench.cluster`: the bars of the cluster edition, one after the other, each in a process of its own.

Exits 1 when a bar is missed. Run it on a machine that nobody else uses; each prints the load beside its figures.
"""

from __future__ import annotations

import os
import subprocess
import sys

BENCHES = ("injector", "operator_start", "convergence")


def main() -> int:
    """0: every bar holds."""
    missed = []
    for name in BENCHES:
        print(f"== {name} (load {os.getloadavg()[0]:.1f})", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.cluster.{name}"], check=False).returncode:
            missed.append(name)
    print("every bar holds" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
