"""Entry point: `python -m ccproxy_sidecar`. Reads settings, runs until told to stop, says what is wrong in a sentence.

Next: `settings.py`, `app.py`.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from ccproxy_runtime.logs import configure_logging
from ccproxy_runtime.stopping import exit_with_parent, stop_event
from ccproxy_sidecar.app import serve
from ccproxy_sidecar.settings import Settings, settings_from_environment


def main() -> int:
    """0: stopped when told to; 1: could not start (the reason is on stderr)."""
    try:
        settings = settings_from_environment()
    except ValueError as wrong:
        sys.stderr.write(f"ccproxy sidecar: {wrong}\n")
        return 1
    configure_logging("sidecar", settings.log_level)
    if settings.parent:
        exit_with_parent(settings.parent)
    if settings.custom_rules and settings.rules_path is not None:
        sys.path.insert(0, str(settings.rules_path))
    try:
        uvloop.run(_run(settings))
    except OSError as refused:
        sys.stderr.write(f"ccproxy sidecar: cannot listen on {settings.host}:{settings.port}: {refused.strerror}\n")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    await serve(settings, stop_event(asyncio.get_running_loop()))


if __name__ == "__main__":
    sys.exit(main())
