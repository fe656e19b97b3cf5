"""`ccproxy explain`: hands a request to the sidecar's own explainer, with the policies that run or those of a folder.

Must not explain anything itself: that is the data plane's code. Next: `install.py`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ccproxy_cli.exits import PROBLEM, Failure
from ccproxy_cli.home import Home
from ccproxy_cli.settings import environment, settings
from ccproxy_cli.state import running_state
from ccproxy_cli.terminal import remark
from ccproxy_contract.names import CONTAINER

IN_POD = ("/venv/bin/python", "-m", "ccproxy_sidecar.explain")
"""How the image of the sidecar starts its explainer."""

EPILOG = """\b
Examples:
  ccproxy explain request.json
  ccproxy explain request.http                        a recorded request with its headers
  pbpaste | ccproxy explain - --path /v1/messages
  ccproxy explain request.json --config ./policies    before they run
  ccproxy explain request.json --header "x-claude-code-agent-type: Explore"
  ccproxy explain request.json --pod team-a/coder-0   by what this pod runs now
\b
FILE holds a JSON body or a recorded HTTP request; - reads standard input.
Exits 0 when a target or a deny was found, 1 when none was, 2 when the input cannot be read."""


@click.command(epilog=EPILOG)
@click.argument("file")
@click.option("--config", type=click.Path(path_type=Path), help="Policies to explain with (default: those that run).")
@click.option("--path", help="The path the body is sent to (default: guessed from its shape).")
@click.option("--header", "headers", multiple=True, metavar="NAME: VALUE", help="A header of the call; repeat it.")
@click.option("--pod", metavar="NAMESPACE/NAME", help="Explain by the snapshot that this pod's sidecar runs.")
@click.option("--context", default="", help="With --pod: a context of kubectl (default: the current one).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *, file: str, config: Path | None, path: str | None, headers: tuple[str, ...], pod: str, context: str, as_json: bool
) -> None:
    """Say rule by rule where a request would go and what each target would cost, without calling anyone."""
    options = [*(["--json"] if as_json else []), *(["--path", path] if path else [])]
    options += [part for header in headers for part in ("--header", header)]
    if pod:
        raise click.exceptions.Exit(_in_pod(pod, file, options, context=context))
    home = Home(settings().home)
    state = running_state(home.state)
    folder = config or (Path(state.config) if state else home.policies)
    with _snapshot(home, None if config is None and state else folder) as snapshot:
        explainer = [sys.executable, "-m", "ccproxy_sidecar.explain", "--snapshot", str(snapshot)]
        done = subprocess.run([*explainer, "--rules-path", str(folder), *options, "--", file], check=False)
    raise click.exceptions.Exit(done.returncode)


def _in_pod(pod: str, file: str, options: list[str], *, context: str) -> int:
    """The explainer beside the snapshot, in the pod: neither the keys nor the request go anywhere else."""
    from ccproxy_cli.cluster.kubectl import Kubectl

    namespace, slash, name = pod.partition("/")
    if not (namespace and slash and name):
        raise Failure(f"--pod {pod}: write NAMESPACE/NAME")
    explainer = ["exec", "-i", name, "-n", namespace, "-c", CONTAINER, "--", *IN_POD, *options, "--", "-"]
    if file == "-":
        return Kubectl(context).through(*explainer)
    try:
        with Path(file).open("rb") as request:
            return Kubectl(context).through(*explainer, stdin=request.fileno())
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from None


@contextmanager
def _snapshot(home: Home, folder: Path | None) -> Iterator[Path]:
    """The snapshot that runs, or that of `folder`, for a moment and open to its owner only: it holds keys."""
    if folder is None:
        yield home.snapshot
        return
    with tempfile.TemporaryDirectory(prefix="ccproxy-") as made:
        _compile_into(folder, Path(made))
        yield Path(made) / "snapshot.json"


def _compile_into(folder: Path, run_folder: Path) -> None:
    from ccproxy_cli.compiling import compile_folder, write_outputs

    compilation = compile_folder(folder, environment())
    for problem in compilation.report.problems:
        remark(str(problem))
    if compilation.report.problems:
        raise click.exceptions.Exit(PROBLEM)
    write_outputs(compilation, run_folder)
