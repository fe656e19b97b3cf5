"""`/usage` of a cluster's books: a port-forward, a token that the user may make, the root that signs the books.

Kubernetes decides who may: who can create a token of ServiceAccount `ccproxy-reader` reads. Must not add anything up.
Next: `overview.py`.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

import msgspec

from ccproxy_cli.cluster.kubectl import Kubectl
from ccproxy_cli.exits import Failure
from ccproxy_cli.ledger_answer import Answer
from ccproxy_contract.names import AUDIENCE_LEDGER, LEDGER_PORT, PATH_USAGE

SERVICE: Final = "ccproxy-books"
READER: Final = "ccproxy-reader"
TLS_SECRET: Final = "ccproxy-ledger-tls"
TIMEOUT_S: Final = 20.0


def cluster_usage(kubectl: Kubectl, system: str, parameters: Mapping[str, str]) -> Answer:
    """GET /usage of the books in namespace `system`; a problem in words where that fails."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    try:
        token = kubectl.text("create", "token", READER, f"--audience={AUDIENCE_LEDGER}", "-n", system).strip()
        root = _root(kubectl, system)
        with _forwarded(kubectl, system) as port:
            return _asked(port, f"{PATH_USAGE}?{query}", token=token, root=root, name=f"{SERVICE}.{system}.svc")
    except Failure as refused:
        return Answer(problem=refused.message)
    except (OSError, ValueError, http.client.HTTPException) as broken:
        return Answer(problem=f"the books do not answer ({type(broken).__name__})")


def _root(kubectl: Kubectl, system: str) -> str:
    """The public half only; `tls.key` is not asked for."""
    found = kubectl.text("get", "secret", TLS_SECRET, "-n", system, "--output=jsonpath={.data.ca\\.crt}")
    return base64.b64decode(found, validate=True).decode()


@contextmanager
def _forwarded(kubectl: Kubectl, system: str) -> Iterator[int]:
    command = [*kubectl.command, "port-forward", f"service/{SERVICE}", "-n", system, f":{LEDGER_PORT}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        if found is None:
            raise Failure(f"no way to {SERVICE} in {system}; `kubectl get pods -n {system}` shows what runs")
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate()


class _Named(http.client.HTTPSConnection):
    """Goes to the loopback end of a port-forward and expects the certificate of `name`."""

    def __init__(self, port: int, *, name: str, trust: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT_S, context=trust)
        self._name, self._trust = name, trust

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self._name)


def _asked(port: int, path: str, *, token: str, root: str, name: str) -> Answer:
    connection = _Named(port, name=name, trust=ssl.create_default_context(cadata=root))
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}", "host": name})
        response = connection.getresponse()
        said = msgspec.json.decode(response.read())
    finally:
        connection.close()
    if response.status == 200 and isinstance(said, dict):
        return Answer(figures=said)
    return Answer(problem=str(said.get("error", "") if isinstance(said, dict) else said)[:300])
