"""Another webhook, as they exist: built against types that know no `restartPolicy` of init containers, so it drops it;
and adds a container of its own, as a late one may."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.injector.running import make_leaf

LATE = {
    "name": "late",
    "image": "late:1",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


@contextmanager
def old_webhook(folder: Path) -> Iterator[tuple[str, str]]:
    """Answers its URL and its root certificate."""
    root = make_leaf(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Old)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/", root
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configuration() -> dict[str, Any]:
    """Asked after the injector: the API server goes by name."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "zz-old"},
        "webhooks": [
            {
                "name": "old.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "matchConditions": [
                    {"name": "old", "expression": "has(object.metadata.labels) && 'old' in object.metadata.labels"}
                ],
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }
        ],
    }


class _Old(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))["request"]
        containers = request["object"]["spec"].get("initContainers", [])
        ops: list[dict[str, Any]] = [
            {"op": "remove", "path": f"/spec/initContainers/{place}/restartPolicy"}
            for place, container in enumerate(containers)
            if "restartPolicy" in container
        ]
        ops.append({"op": "add", "path": "/spec/containers/-", "value": LATE})
        patch = base64.b64encode(json.dumps(ops).encode()).decode()
        response = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the test's output."""
