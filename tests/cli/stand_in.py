"""A stand-in for sidecar and ledger: a real process with a real HTTP port that answers /healthz with its environment.

`python -m tests.cli.stand_in NAME [--die]`: NAME says which port variable counts; `--die` ends it at once.
It ends with its parent as the real ones do, unless LINGER is set.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ccproxy_runtime.stopping import exit_with_parent

PORTS = {"sidecar": "CCPROXY_PORT", "ledger": "CCPROXY_LEDGER_PORT"}


class Answer(BaseHTTPRequestHandler):
    """Every GET is answered with what this process was given."""

    def do_GET(self) -> None:
        given = {name: value for name, value in os.environ.items() if name.startswith("CCPROXY_")}
        body = json.dumps({"pid": os.getpid(), "path": self.path, "environment": given}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        print(json.dumps({"ts": "2026-11-21T00:00:00.000Z", "message": format % args}), flush=True)


def main(name: str, *options: str) -> None:
    print(f"{name} stand-in starts", flush=True)
    if "--die" in options:
        sys.exit(7)
    if not os.environ.get("LINGER"):
        exit_with_parent(int(os.environ["CCPROXY_EXIT_WITH_PARENT"]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ[PORTS[name]])), Answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
