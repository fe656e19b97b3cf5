"""`python -m tests.fakes.provider --port N`: the scripted provider as a process; prints its address when it listens."""

from __future__ import annotations

import argparse
import asyncio

from ccproxy_runtime.stopping import exit_with_parent
from tests.fakes.provider.server import Provider


async def _serve(*, host: str, port: int, seed: int, quiet: bool) -> None:
    provider = Provider(seed=seed, quiet=quiet)
    await provider.start(host=host, port=port)
    print(f"listening on {provider.url}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.provider", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; in a pod 0.0.0.0")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--seed", type=int, default=0, help="other seeds say other words")
    parser.add_argument("--quiet", action="store_true", help="no line per request")
    parser.add_argument("--exit-with-parent", type=int, default=0, metavar="PID", help="end when this parent ends")
    given = parser.parse_args()
    if given.exit_with_parent:
        exit_with_parent(given.exit_with_parent)
    try:
        asyncio.run(_serve(host=given.host, port=given.port, seed=given.seed, quiet=given.quiet))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
