"""The operator's own leaf as files, on every replica: read from its Secret, served by `follow_certificate`.

The operator does not mount its Secret, since on the first start nobody has made it yet. Must not issue.
Next: `../webhook/configuration.py`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from ccproxy_operator.api import ApiFailed
from ccproxy_operator.certificates.stored import secret_name, texts
from ccproxy_operator.cluster import Cluster
from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.logs import logger
from ccproxy_runtime.tls import server_context

WAITING_S = 0.5
"""Between looks until there is one."""
LOOK_S = 10.0
_log = logger("certificates")


class OwnLeaf:
    """Keeps `tls.crt`, `tls.key` and `ca.crt` in `folder` as the Secret of `server` has them.

    `roots`: PEM of every root to trust now, for snapshots; empty until known.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        folder: Path,
        server: str = "ccproxy-operator",
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster, self._namespace, self._folder, self._server = cluster, namespace, folder, server
        self._look_s = look_s
        self._there = asyncio.Event()
        self.roots = ""

    async def ready(self) -> Path:
        """Wait for the first files; their folder, for `server_context` and `follow_certificate`."""
        await self._there.wait()
        return self._folder

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (ApiFailed, OSError) as failed:
                _log.warning("own_certificate_not_read", reason=type(failed).__name__)
            await asyncio.sleep(self._look_s if self._there.is_set() else min(WAITING_S, self._look_s))

    async def look(self) -> None:
        """Take what the Secret holds now; a missing or broken one leaves the files as they are.

        Raises: `ApiFailed`, `OSError` (also what TLS says of a pair that does not fit).
        """
        secret = await self._cluster.get("Secret", secret_name(self._server), self._namespace)
        values = texts(secret)
        if not (values.get("tls.crt") and values.get("tls.key")):
            return
        self.roots = values.get("ca.crt", "")
        await asyncio.to_thread(_write_changed, self._folder, values)
        if not self._there.is_set():
            server_context(self._folder)
            self._there.set()


def _write_changed(folder: Path, values: dict[str, str]) -> None:
    for name in ("ca.crt", "tls.key", "tls.crt"):
        path, content = folder / name, values.get(name, "").encode()
        if not path.exists() or path.read_bytes() != content:
            atomic_write(path, content, durable=False)
