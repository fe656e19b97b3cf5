"""Entry point: `python -m ccproxy_compressor`. Runs until told to stop; says in a sentence why it cannot start.

Next: `settings.py`.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import uvloop

from ccproxy_compressor.app import serve
from ccproxy_compressor.settings import Settings, settings_from_environment
from ccproxy_runtime.logs import configure_logging
from ccproxy_runtime.stopping import stop_event


def main() -> int:
    """0: stopped when told to; 1: could not start (the reason is on stderr)."""
    try:
        settings = settings_from_environment()
        configure_logging("compressor", settings.log_level)
        uvloop.run(_run(settings))
    except ValueError as wrong:
        sys.stderr.write(f"ccproxy compressor: {wrong}\n")
        return 1
    except (OSError, ssl.SSLError) as refused:
        sys.stderr.write(f"ccproxy compressor: {refused.strerror}: {refused.filename or 'cannot listen'}\n")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    await serve(settings, stop_event(asyncio.get_running_loop()))


if __name__ == "__main__":
    sys.exit(main())
