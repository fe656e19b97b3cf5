"""Builds what a run needs: the two C programs and the request bodies. Next: `bodies.py`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench import bodies, places


def build() -> None:
    """Raises `SystemExit` with a sentence when no C compiler is there."""
    if shutil.which("gcc") is None:
        raise SystemExit("the rig needs gcc: apt-get install gcc libc6-dev")
    places.PERF.mkdir(parents=True, exist_ok=True)
    places.LOGS.mkdir(exist_ok=True)
    native = places.BENCH / "native"
    for source, program in ((native / "lg.c", places.LOAD), (native / "upstream.c", places.PROVIDER)):
        if _older(program, native):
            subprocess.run(["gcc", "-O2", "-o", str(program), str(source)], check=True)
    if _older(places.BODIES / bodies.LAST, Path(bodies.__file__)):
        bodies.write(places.BODIES)


def _older(built: Path, source: Path) -> bool:
    """Is `built` missing or older than the file, or than anything in the folder, `source`?"""
    if not built.exists():
        return True
    files = source.iterdir() if source.is_dir() else iter((source,))
    return built.stat().st_mtime < max(file.stat().st_mtime for file in files)
