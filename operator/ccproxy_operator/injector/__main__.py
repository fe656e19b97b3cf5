"""Entry point: `python -m ccproxy_operator.injector`. Reads settings, runs until told to stop.

Next: `settings.py`.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import uvloop

from ccproxy_operator.injector.app import serve
from ccproxy_operator.injector.settings import Settings, settings_from_environment
from ccproxy_runtime.logs import configure_logging
from ccproxy_runtime.stopping import stop_event


def main() -> int:
    """0: stopped when told to; 1: could not start (the reason is on stderr)."""
    try:
        settings = settings_from_environment()
        configure_logging("injector", settings.log_level)
        uvloop.run(_run(settings))
    except ValueError as wrong:
        sys.stderr.write(f"ccproxy injector: {wrong}\n")
        return 1
    except ssl.SSLError as wrong:
        sys.stderr.write(f"ccproxy injector: tls.crt and tls.key do not fit: {wrong.reason}\n")
        return 1
    except OSError as refused:
        sys.stderr.write(f"ccproxy injector: {refused.strerror}: {refused.filename or 'cannot listen'}\n")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    await serve(settings, stop_event(asyncio.get_running_loop()))


if __name__ == "__main__":
    sys.exit(main())
