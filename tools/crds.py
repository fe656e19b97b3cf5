"""Writes crds/*.yaml from the kinds; `--check` writes nothing and exits 1 when a file differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ccproxy_policy.crds import crd_files

FOLDER = Path(__file__).resolve().parent.parent / "crds"


def main(arguments: list[str]) -> int:
    """0: all files are as the kinds say (now); 1: `--check` found one that is not."""
    parser = argparse.ArgumentParser(prog="python -m tools.crds", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    wanted = {FOLDER / name: text for name, text in crd_files().items()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    surplus = sorted(set(FOLDER.glob("*.yaml")) - set(wanted))
    if check:
        for path in [*stale, *surplus]:
            print(f"crds/{path.name} is not what the kinds say; run `python -m tools.crds`", file=sys.stderr)
        return 1 if stale or surplus else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(wanted[path])
    for path in surplus:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
