"""Runs in the build stage of each Dockerfile: takes out of /venv what a running process never reads, compiles the rest
and lets it find our own packages, which lie beside it in /app: a layer of their own, small to send at each release.

Works with the base image's Python alone. Must not remove licences or anything that is imported. Next: `without_pip.py`.
"""

import compileall
import os
import py_compile
import shutil
import struct
import sys
from pathlib import Path

FOLDERS = {"tests", "test", "testing", "__pycache__", "examples"}
"""Suites and samples of other people."""
SUFFIXES = {".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyx", ".pyi", ".a", ".map"}
"""Sources of compiled modules and stubs for type checkers."""


def main(venv: str) -> int:
    root = Path(venv)
    before_bytes = size(root)
    packages = next(root.glob("lib/python3.*/site-packages"))
    for folder in sorted(packages.rglob("*")):
        if folder.is_dir() and folder.name in FOLDERS:
            shutil.rmtree(folder)
    for file in list(packages.rglob("*")):
        if file.is_file() and file.suffix in SUFFIXES:
            file.unlink()
        elif file.is_file() and ".so" in file.suffixes:
            strip(file)
    without_commands(root)
    (packages / "ccproxy.pth").write_text("/app\n")
    good = compileall.compile_dir(
        packages, quiet=1, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    print(f"{venv}: {before_bytes / 1e6:.1f} MB before, {size(root) / 1e6:.1f} MB now, bytecode included")
    return 0 if good else 1


def without_commands(root: Path) -> None:
    """Leave the links to Python alone in bin/: an image starts modules, never scripts."""
    for command in (root / "bin").iterdir():
        if not command.name.startswith("python"):
            command.unlink()
    for name in ("share", "include"):
        shutil.rmtree(root / name, ignore_errors=True)


def strip(library: Path) -> None:
    """Cut a shared library after its last loaded segment: what follows (symbols, debug lines) only debuggers read.

    What `sstrip` does; the loader reads program headers alone. A file that is not 64-bit ELF stays as it is.
    """
    content = bytearray(library.read_bytes())
    if content[:5] != b"\x7fELF\x02":
        return
    first, entry, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    end = first + entry * count
    for header in range(first, end, entry):
        offset, length = struct.unpack_from("<Q16xQ", content, header + 8)  # p_offset, p_filesz
        end = max(end, offset + length)
    struct.pack_into("<Q", content, 40, 0)  # no table of sections any more: its offset, entry size, count, names
    struct.pack_into("<HHH", content, 58, 0, 0, 0)
    library.write_bytes(content[:end])


def size(root: Path) -> int:
    return sum(os.lstat(file).st_size for file in root.rglob("*"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
