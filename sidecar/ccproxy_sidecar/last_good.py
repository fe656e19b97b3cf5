"""The last good snapshot in a file: what a restarted sidecar serves from while nobody answers.

One line that names the format and the SHA-256 of what follows, then the snapshot, whose own hash is the operator's
word: a newer operator's may cover fields that this build cannot compute. The file holds keys: mode 0600, on a memory
volume. A damaged one is a value, for its reader to be loud about. Must not compile. Next: `configuration.py`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from ccproxy_contract.snapshot import Snapshot, snapshot_from_bytes, snapshot_from_stream
from ccproxy_runtime.atomic import atomic_write

_FORMAT: Final = b"ccproxy-snapshot 1 sha256="


class Kept(msgspec.Struct, frozen=True):
    """What was found: a snapshot, nothing (both empty), or a damaged file."""

    snapshot: Snapshot | None = None
    problem: str = ""


def keep(path: Path, content: bytes) -> None:
    """Replace the file by the bytes of a snapshot. Raises: `OSError`; the old file is then untouched."""
    atomic_write(path, _FORMAT + _digest(content) + b"\n" + content, durable=False)  # memory: nothing to wait for


def kept(path: Path) -> Kept:
    """What the file holds."""
    try:
        return Kept(snapshot_from_file(path.read_bytes()))
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        return Kept(problem=error.strerror or "cannot be read")
    except ValueError as error:
        return Kept(problem=str(error))


def snapshot_from_file(raw: bytes) -> Snapshot:
    """The snapshot in a last good file or in one that `ccproxy start` wrote.

    Raises `ValueError` for bad JSON, another version, or content that does not fit its checksum.
    """
    head, newline, content = raw.partition(b"\n")
    if not newline or not head.startswith(_FORMAT):
        return snapshot_from_bytes(raw)
    if head.removeprefix(_FORMAT) != _digest(content):
        raise ValueError("the content does not fit its checksum: the file was cut or edited")
    return snapshot_from_stream(content)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
