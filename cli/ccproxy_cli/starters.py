"""The starter policies, written into a folder. Their text is `ccproxy_policy.starter`. Next: `screens.py`."""

from __future__ import annotations

from pathlib import Path

from ccproxy_policy.starter import starter_files
from ccproxy_runtime.atomic import atomic_write


def write_starters(folder: Path, *, replace: bool) -> list[Path]:
    """Write the starter files and say which. Raises `FileExistsError` naming one that is there, unless `replace`."""
    files = {folder / name: text for name, text in starter_files().items()}
    there = [path for path in files if path.exists()]
    if there and not replace:
        raise FileExistsError(str(there[0]))
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        atomic_write(path, text.encode())
    return list(files)
