"""The pod's own token for one audience, as kubelet projects it into a file and renews it there.

Read it for each use: the file is small, in memory, and replaced about every hour. Unlike `token.py` it does not ask
who else may read the file: kubelet sets its mode. Must not keep a token. Next: `tls.py`.
"""

from __future__ import annotations

from pathlib import Path


def projected_token(path: Path) -> str:
    """The token in `path`. Raises: `OSError` when it cannot be read, `ValueError` when it is empty or no text."""
    token = path.read_bytes().decode("ascii").strip()
    if not token:
        raise ValueError(f"{path.name} is empty; it must hold the token")
    return token
