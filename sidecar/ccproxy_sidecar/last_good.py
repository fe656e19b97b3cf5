"""The last good snapshot in two files: what a restarted sidecar serves from while nobody answers.

Nine tenths of a snapshot are prices, and the same in snapshot after snapshot, so they have a file of their own, named
after their book and written when the book changes. Each file is one line that names the format and the SHA-256 of what
follows. They hold keys: mode 0600, on a memory volume. What is damaged is a value, for its reader to be loud about.
Must not compile. Next: `configuration.py`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from ccproxy_contract.prices import PriceBook
from ccproxy_contract.snapshot import Snapshot, book_name, lean_bytes, snapshot_from_bytes, snapshot_from_stream
from ccproxy_runtime.atomic import atomic_write

_FORMAT: Final = b"ccproxy-snapshot 2 sha256="
_encoder = msgspec.json.Encoder()
_prices = msgspec.json.Decoder(PriceBook)


class Kept(msgspec.Struct, frozen=True):
    """What was found: a snapshot, nothing (both empty), or a damaged file."""

    snapshot: Snapshot | None = None
    problem: str = ""


class LastGood:
    """Keeps snapshots in `path`, and their prices beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._book = ""

    def keep(self, snapshot: Snapshot) -> None:
        """Replace what was kept. Raises: `OSError`; what was kept before can then still be read."""
        book = snapshot.book.version
        if book != self._book:
            _write(_prices_file(self.path, book), _encoder.encode(snapshot.book))
        _write(self.path, lean_bytes(snapshot))
        if book != self._book:
            self._book = book
            self._remove_other_prices()

    def _remove_other_prices(self) -> None:
        mine = _prices_file(self.path, self._book)
        for other in self.path.parent.glob(f"{self.path.name}.prices-*"):
            if other != mine:
                other.unlink(missing_ok=True)


def kept(path: Path) -> Kept:
    """What the file holds."""
    if not path.exists():
        return Kept()
    try:
        return Kept(snapshot_from_file(path))
    except OSError as error:
        return Kept(problem=error.strerror or "cannot be read")
    except ValueError as error:
        return Kept(problem=str(error))


def snapshot_from_file(path: Path) -> Snapshot:
    """The snapshot in a last good file or in one that `ccproxy start` wrote.

    Raises `OSError`, or `ValueError` for bad JSON, another version, or content that does not fit its checksum.
    """
    raw = path.read_bytes()
    if not raw.startswith(_FORMAT):
        return snapshot_from_bytes(raw)
    content = _checked(raw)
    prices = _checked(_prices_file(path, book_name(content)).read_bytes())
    return snapshot_from_stream(content, known=_prices.decode(prices))


def _prices_file(path: Path, book: str) -> Path:
    return path.with_name(f"{path.name}.prices-{hashlib.sha256(book.encode()).hexdigest()[:16]}")


def _write(path: Path, content: bytes) -> None:
    atomic_write(path, _FORMAT + _digest(content) + b"\n" + content, durable=False)  # memory: nothing to wait for


def _checked(raw: bytes) -> bytes:
    head, _, content = raw.partition(b"\n")
    if head != _FORMAT + _digest(content):
        raise ValueError("the content does not fit its checksum: the file was cut or edited")
    return content


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
