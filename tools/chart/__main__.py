"""`python -m tools.chart`: write what is made; `--check` writes nothing and exits 1 when a file differs.

Next: `table.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.chart.table import rows, table

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "ccproxy"
HEAD = """# The ccproxy chart

Made from `values.yaml` by `python -m tools.chart`; edit that file. More in `docs/kubernetes.md`.

```sh
helm install ccproxy charts/ccproxy --namespace ccproxy-system --create-namespace --wait
helm test ccproxy --namespace ccproxy-system --logs
```

`helm uninstall` first removes the webhook, has every sidecar take a last snapshot (routing stays, budgets and
compression are off), and prints which workloads still have sidecars.

## Values

"""


def made() -> dict[Path, str]:
    """Every file that is made, with its text."""
    files = {CHART / "crd-files" / crd.name: crd.read_text() for crd in sorted((ROOT / "crds").glob("*.yaml"))}
    return files | {CHART / "README.md": HEAD + table(rows((CHART / "values.yaml").read_text()))}


def main(arguments: list[str]) -> int:
    """0: all files are as they should be (now)."""
    parser = argparse.ArgumentParser(prog="python -m tools.chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    wanted = made()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    surplus = sorted(set((CHART / "crd-files").glob("*")) - set(wanted))
    if check:
        for path in [*stale, *surplus]:
            print(f"{path.relative_to(ROOT)} is not what it is made from; run `python -m tools.chart`", file=sys.stderr)
        return 1 if stale or surplus else 0
    for path in stale:
        path.write_text(wanted[path])
    for path in surplus:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
