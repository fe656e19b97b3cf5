"""`python -m tools.images`: build the images and print what each adds to its base. Next: `engines.py`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tools.images.engines import Engine, engine
from tools.images.weight import own_weight

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ("sidecar", "operator", "ledger", "compressor")
END_TO_END = "e2e"
"""What the end-to-end tests run beside ccproxy; stands on the sidecar's image."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.images", description="Build ccproxy's container images.")
    parser.add_argument(
        "names", nargs="*", default=[*MEMBERS, END_TO_END], help=f"of {', '.join(MEMBERS)}, {END_TO_END}"
    )
    parser.add_argument("--registry", default="localhost", help="first part of the names")
    parser.add_argument("--tag", default="dev", help="last part of the names")
    parser.add_argument("--archives", type=Path, help="folder for an archive of each; without it none is kept")
    parser.add_argument("--weigh", action="store_true", help="print what each adds to its base")
    given = parser.parse_args()
    try:
        builder = engine()
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.names:
            image = f"{given.registry}/ccproxy-{name}:{given.tag}"
            began = time.monotonic()
            archive = (given.archives or Path(scratch)) / f"{name}.tar"
            make(builder, name=name, image=image, archive=archive)
            print(f"{image}: {time.monotonic() - began:.0f} s", flush=True)
            if given.weigh:
                print(f"  {own_weight(archive, builder.base_layers())}", flush=True)
    return 0


def make(builder: Engine, *, name: str, image: str, archive: Path) -> None:
    """Build one and save it. Raises `subprocess.CalledProcessError`."""
    if name == END_TO_END:
        sidecar = image.replace(f"ccproxy-{END_TO_END}:", "ccproxy-sidecar:")
        builder.build(image, dockerfile=ROOT / "e2e" / "Dockerfile", arguments={"SIDECAR": sidecar}, context=ROOT)
    else:
        builder.build(image, dockerfile=ROOT / f"Dockerfile.{name}", arguments={}, context=ROOT)
    builder.save(image, archive)


if __name__ == "__main__":
    raise SystemExit(main())
