"""The list of what is measured, in the order of the table. Next: `measuring.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import peer_targets, places, sidecar_target
from bench.target import Shape, Target


def all_targets() -> tuple[Target, ...]:
    return (
        Target(name="direct", command=None),
        _nginx(),
        _python_gateway("passthrough", "passthrough", "chat"),
        _python_gateway("gw", "gw", "chat"),
        _python_gateway("gw-anthropic", "gw", "messages"),
        *sidecar_target.targets(),
        *peer_targets.targets(),
    )


def _nginx() -> Target:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    config = str(places.BENCH / "proxies/nginx.conf")
    return Target(
        name="nginx",
        command=lambda provider, port: [program, "-p", f"{places.PERF}/", "-c", config],  # noqa: ARG005
        port_per_provider=True,
        needs=(Path(program),),
        install="apt-get install nginx-light",
    )


def _python_gateway(name: str, module: str, shape: Shape) -> Target:
    command = [places.PYTHON, "-m", f"bench.proxies.{module}"]
    return Target(name=name, shape=shape, command=lambda provider, port: [*command, str(port), str(provider)])
