"""Runs in the final stage of each Dockerfile: takes the base image's installers away, so nothing can be added later.

Knows where python:3.11-slim and Debian's own Python keep them. Must not touch the interpreter. Next: the Dockerfiles.
"""

import shutil
from pathlib import Path

PLACES = (
    "/usr/local/lib/python3.*/site-packages",
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python3.*/dist-packages",
)
NAMES = (
    "pip",
    "pip-*",
    "setuptools",
    "setuptools-*",
    "wheel",
    "wheel-*",
    "_distutils_hack",
    "distutils-precedence.pth",
    "pkg_resources",
)
BUNDLED = ("usr/local/lib/python3.*/ensurepip", "usr/lib/python3.*/ensurepip", "usr/share/python-wheels")
COMMANDS = ("usr/bin/pip*", "usr/local/bin/pip*", "usr/local/bin/wheel")


def main() -> None:
    patterns = [f"{place.lstrip('/')}/{name}" for place in PLACES for name in NAMES]
    for pattern in (*patterns, *BUNDLED, *COMMANDS):
        for found in Path("/").glob(pattern):
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink()


if __name__ == "__main__":
    main()
