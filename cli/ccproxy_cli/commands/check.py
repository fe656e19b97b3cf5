"""`ccproxy check`: compiles a folder of policies and says what is wrong with it. Next: `explain.py`."""

from __future__ import annotations

from pathlib import Path

import click

from ccproxy_cli.exits import PROBLEM
from ccproxy_cli.home import Home
from ccproxy_cli.screens import counts
from ccproxy_cli.settings import environment, settings
from ccproxy_cli.terminal import print_json, say

EPILOG = """\b
Examples:
  ccproxy check                     the policies in CCPROXY_HOME
  ccproxy check ./policies          another folder
  ccproxy check ./policies --json   for a program
  ccproxy check --context prod      what stands in a cluster
  ccproxy check ./policies --context prod --namespace team-a
                                    what would, with the folder applied over it
\b
Prints `file:line: path: what to write instead` and exits 1 when something is wrong."""


@click.command(epilog=EPILOG)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--context", help="A context of kubectl; empty for the current one: check on that cluster.")
@click.option("--namespace", "-n", default="default", help="With --context: where the folder would be applied.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, folder: Path | None, context: str | None, namespace: str, as_json: bool) -> None:
    """Say whether a folder of policies, or a cluster, is right. Changes nothing and calls no provider."""
    if context is not None:
        _check_cluster(folder, context, namespace, as_json=as_json)
        return
    from ccproxy_cli.compiling import compile_folder

    chosen = folder or Home(settings().home).policies
    report = compile_folder(chosen, environment()).report
    if as_json:
        print_json(report)
    elif report.problems:
        for problem in report.problems:
            say(str(problem))
    else:
        say(f"OK: {counts(report)} in {report.files} files")
    if report.problems:
        raise click.exceptions.Exit(PROBLEM)


def _check_cluster(folder: Path | None, context: str, namespace: str, *, as_json: bool) -> None:
    from ccproxy_cli.cluster.checking import problems_in
    from ccproxy_cli.cluster.kubectl import Kubectl
    from ccproxy_cli.cluster.written import applied, world
    from ccproxy_policy.load import load_folder

    found = world(Kubectl(context))
    unreadable = []
    if folder is not None:
        loaded = load_folder(folder)
        unreadable = list(loaded.problems)
        found = applied(found, loaded.documents, namespace)
    problems = [problem.text for problem in (*unreadable, *problems_in(found))]
    objects = len(found.of("RoutingPolicy", "ModelBackend", "Tenant"))
    if as_json:
        print_json({"problems": problems, "objects": objects})
    for sentence in problems if not as_json else []:
        say(sentence)
    if problems:
        raise click.exceptions.Exit(PROBLEM)
    if not as_json:
        say(f"OK: {objects} objects")
