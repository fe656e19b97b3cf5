"""What an image adds to its base: bytes as a registry sends them, bytes on a node's disk, and the heaviest packages.

Reads a Docker archive only. Must not judge. Next: `prune.py`.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO

FOLDERS = ("site-packages", "app")
"""Where packages lie: other people's, ours."""
CHUNK_BYTES = 1024 * 1024
GZIP_LEVEL = 6
"""What engines use when they push."""


class Weight:
    """`sent` and `unpacked` are bytes of the layers that are not the base's."""

    def __init__(self) -> None:
        self.sent, self.unpacked = 0, 0
        self.packages: Counter[str] = Counter()

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in self.packages.most_common(8))
        return f"{self.sent / 1e6:.1f} MB sent, {self.unpacked / 1e6:.1f} MB unpacked ({parts})"


def own_weight(archive: Path, base: Collection[str]) -> Weight:
    """Of a Docker archive, without the layers whose digest is in `base`."""
    weight = Weight()
    with tarfile.open(archive) as image:
        [entry] = json.load(_member(image, "manifest.json"))
        digests = json.load(_member(image, entry["Config"]))["rootfs"]["diff_ids"]
        for digest, layer in zip(digests, entry["Layers"], strict=True):
            if digest not in base:
                weight.sent += _gzipped(_member(image, layer))
                with tarfile.open(fileobj=_member(image, layer)) as files:
                    for file in files:
                        weight.unpacked += file.size
                        weight.packages[_package(file.name)] += file.size
    return weight


def _package(name: str) -> str:
    parts = PurePosixPath(name).parts
    for folder in FOLDERS:
        if folder in parts[:-1]:
            return parts[parts.index(folder) + 1]
    return "other"


def _member(image: tarfile.TarFile, name: str) -> IO[bytes]:
    found = image.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is no file of the archive")
    return found


def _gzipped(layer: IO[bytes]) -> int:
    squeeze, size = zlib.compressobj(GZIP_LEVEL), 0
    while chunk := layer.read(CHUNK_BYTES):
        size += len(squeeze.compress(chunk))
    return size + len(squeeze.flush())
