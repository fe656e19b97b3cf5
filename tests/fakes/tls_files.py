"""Certificates for tests, made by openssl: a root, and leaves that it signs.

Use: `root = made_root(folder)`, then `leaf = root.leaf(folder / "operator", "localhost")`. Next: `operator/server.py`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Root:
    """A root certificate and its key."""

    folder: Path

    @property
    def pem(self) -> str:
        return (self.folder / "root.crt").read_text()

    def leaf(self, folder: Path, *names: str) -> Path:
        """A folder with `tls.crt` and `tls.key` for the DNS names and 127.0.0.1."""
        folder.mkdir(parents=True, exist_ok=True)
        alternatives = ",".join([*(f"DNS:{name}" for name in names), "IP:127.0.0.1"])
        (folder / "ext").write_text(f"subjectAltName={alternatives}\n")
        _openssl("req", "-new", *_KEY, "-keyout", "tls.key", "-out", "csr", "-subj", f"/CN={names[0]}", cwd=folder)
        signer = ["-CA", str(self.folder / "root.crt"), "-CAkey", str(self.folder / "root.key"), "-CAcreateserial"]
        _openssl("x509", "-req", "-in", "csr", *signer, "-days", "2", "-extfile", "ext", "-out", "tls.crt", cwd=folder)
        return folder


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def made_root(folder: Path, name: str = "test root") -> Root:
    """A new root in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = ("-x509", *_KEY, "-keyout", "root.key", "-out", "root.crt", "-days", "2", "-subj", f"/CN={name}")
    _openssl("req", *made, cwd=folder)
    return Root(folder)


def _openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)
