"""`python -m ccproxy_operator.retiring`: the hook that Helm runs before it removes anything. Next: `settings.py`."""

from __future__ import annotations

import asyncio
import sys

from ccproxy_operator.api import Api, ApiFailed, access_from
from ccproxy_operator.retiring.settings import Settings, settings_from_environment
from ccproxy_operator.retiring.uninstall import uninstall
from ccproxy_runtime.logs import configure_logging


def main() -> int:
    """0 also when something is left, which is told: a node that is gone must not make an uninstall impossible."""
    configure_logging("uninstall", "info")
    try:
        asyncio.run(_run(settings_from_environment()))
    except (ApiFailed, ValueError) as failed:
        sys.stdout.write(f"The uninstall cannot go on: {failed}\n")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    api = Api(await access_from(settings.kubeconfig))
    try:
        await uninstall(settings, api, _say)
    finally:
        await api.close()


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
