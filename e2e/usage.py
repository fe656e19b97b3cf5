"""`/usage` of the cluster's books, read as an operator of the platform would: port-forward, a token, the root.

Must not add anything up. Next: `house.py`.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from typing import Any

import aiohttp

from e2e.chart import SYSTEM
from e2e.kubectl import Kubectl

SERVICE = "ccproxy-books"


def usage(kubectl: Kubectl, **query: str) -> dict[str, Any]:
    """The answer to `/usage?query` with the reader's token."""
    token = kubectl("create", "token", "ccproxy-reader", "-n", SYSTEM, "--audience=ccproxy-ledger").strip()
    return asyncio.run(_asked(kubectl, token, query))


def root(kubectl: Kubectl) -> str:
    """PEM of the roots that clients trust."""
    data = kubectl.get("secret", "ccproxy-ledger-tls", namespace=SYSTEM)["data"]
    return base64.b64decode(data["ca.crt"]).decode()


async def _asked(kubectl: Kubectl, token: str, query: dict[str, str]) -> dict[str, Any]:
    forward = kubectl.background("port-forward", f"service/{SERVICE}", "-n", SYSTEM, ":4143", "--address=127.0.0.1")
    try:
        assert forward.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert found, "kubectl port-forward did not say its port"
        trust = ssl.create_default_context(cadata=root(kubectl))
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"https://127.0.0.1:{found[1]}/usage",
                params=query,
                headers={"authorization": f"Bearer {token}"},
                ssl=trust,
                server_hostname=f"{SERVICE}.{SYSTEM}.svc",
            ) as answer,
        ):
            assert answer.status == 200, await answer.text()
            read: dict[str, Any] = await answer.json()
            return read
    finally:
        forward.terminate()
        forward.communicate()
