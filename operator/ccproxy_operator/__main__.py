"""Entry point: `python -m ccproxy_operator`. Reads settings, runs until told to stop, says what is wrong in a sentence.

Next: `settings.py`.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from ccproxy_operator.app import serve
from ccproxy_operator.settings import Settings, settings_from_environment
from ccproxy_runtime.logs import configure_logging
from ccproxy_runtime.stopping import stop_event


def main() -> int:
    """0: stopped when told to; 1: could not start, or a part broke (the reason is on stderr)."""
    try:
        settings = settings_from_environment()
        configure_logging("operator", settings.log_level)
        return 0 if uvloop.run(_run(settings)) else 1
    except ValueError as wrong:
        sys.stderr.write(f"ccproxy operator: {wrong}\n")
    except OSError as refused:
        sys.stderr.write(f"ccproxy operator: {refused.strerror}: {refused.filename or 'cannot listen'}\n")
    return 1


async def _run(settings: Settings) -> bool:
    return await serve(settings, stop_event(asyncio.get_running_loop()))


if __name__ == "__main__":
    sys.exit(main())
