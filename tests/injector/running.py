"""A real injector: its own process, TLS, loopback."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import free_port

_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


def make_leaf(folder: Path, *, name: str = "injector") -> str:
    """Write a self-signed `tls.crt`, `tls.key`, `ca.crt` into `folder` as kubelet would; answers the root as PEM."""
    folder.mkdir(exist_ok=True)
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "new.key"), "-out", str(folder / "new.crt")]
    subprocess.run([*make, *files, "-subj", f"/CN={name}", "-addext", _NAMES], check=True, capture_output=True)
    pem = (folder / "new.crt").read_text()
    (folder / "ca.crt").write_text(pem)
    (folder / "new.key").replace(folder / "tls.key")
    (folder / "new.crt").replace(folder / "tls.crt")
    return pem


class Injector:
    """One running injector."""

    def __init__(self, process: subprocess.Popen[str], *, port: int, ops_port: int, root: str) -> None:
        self.process, self.port, self.ops_port, self.root = process, port, ops_port, root

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/inject"

    def ask(self, body: bytes, *, path: str = "/inject?timeout=5s", root: str = "") -> tuple[int, bytes]:
        """POST one review. Raises `ssl.SSLError` within `URLError` when `root` did not sign its certificate."""
        context = ssl.create_default_context(cadata=root or self.root)
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", body, {"content-type": "application/json"}
        )
        return _sent(request, context)

    def review(self, body: bytes) -> dict[str, Any]:
        """The response to a good review."""
        status, answer = self.ask(body)
        assert status == 200, answer
        found: dict[str, Any] = json.loads(answer)["response"]
        return found

    def ops(self, path: str) -> tuple[int, str]:
        status, answer = _sent(urllib.request.Request(f"http://127.0.0.1:{self.ops_port}{path}"), None)
        return status, answer.decode()


def _sent(request: urllib.request.Request, context: ssl.SSLContext | None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def settings_of(folder: Path, **more: str) -> dict[str, str]:
    """The environment of an injector whose certificate lies in `folder`."""
    usual = {
        "CCPROXY_SIDECAR_IMAGE": "registry.example/ccproxy/sidecar:1",
        "CCPROXY_TLS": str(folder),
        "CCPROXY_HOST": "127.0.0.1",
        "CCPROXY_PORT": str(free_port()),
        "CCPROXY_OPS_PORT": str(free_port()),
        "CCPROXY_LINGER_MS": "0",
    }
    return usual | more


@contextmanager
def running(folder: Path, **more: str) -> Iterator[Injector]:
    """An injector that serves; ended by SIGTERM, which must end it well."""
    root = make_leaf(folder) if not (folder / "tls.crt").exists() else (folder / "ca.crt").read_text()
    settings = settings_of(folder, **more)
    command = [sys.executable, "-m", "ccproxy_operator.injector"]
    process = subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True)
    ports = {"port": int(settings["CCPROXY_PORT"]), "ops_port": int(settings["CCPROXY_OPS_PORT"])}
    injector = Injector(process, root=root, **ports)
    try:
        _wait_for(injector)
        yield injector
    finally:
        process.terminate()
        _, logs = process.communicate(timeout=20)
    assert process.returncode == 0, logs


def _wait_for(injector: Injector) -> None:
    for _ in range(150):
        try:
            if injector.ops("/readyz")[0] == 200:
                injector.ask(b"{}")
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the injector did not come up")
