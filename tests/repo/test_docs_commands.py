"""Every kubectl and helm line of the pages is one that the programs take; the rights on the page are the chart's.

Both need the local cluster's programs and skip, saying so, without them. Next: `tests/cluster/docs`.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess

import pytest

from tests.chart.rendered import HELM, objects
from tests.repo.pages import READ, ROOT, blocks
from tools.docs.rights import Right, rights

PROGRAMS = HELM.parent
LINES = sorted(
    {
        (str(page.relative_to(ROOT)), line)
        for page in READ
        for block in blocks(page)
        if block.mark == "sh"
        for line in block.text.splitlines()
        if line.startswith(("kubectl ", "helm "))
    }
)


def commands(line: str) -> list[list[str]]:
    """The commands of a line, which `&&` may join."""
    return [shlex.split(part) for part in line.split(" && ")]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_option_is_one_that_the_program_knows(page: str, line: str) -> None:
    for program, *arguments in commands(line):
        if not (PROGRAMS / program).exists():
            pytest.skip(f"{page}: no {program}: run `e2e/localkube/localkube build` (5 min, needs Go)")
        asked = [str(PROGRAMS / program), *arguments, "--help"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        usage = next(text for text in done.stdout.splitlines() if text.strip().startswith((f"{program} ", "kubectl ")))
        assert usage.split()[1] == arguments[0]


def test_an_unknown_option_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="unknown flag"):
        test_every_option_is_one_that_the_program_knows("none", "kubectl get routingpolicies --al-namespaces")


def test_there_are_lines() -> None:
    assert len(LINES) > 15


def test_the_rights_on_the_page_are_those_of_the_chart() -> None:
    rendered = set()
    for one in objects("crds.keep=false"):
        for rule in one.get("rules", ()) if one["kind"] in ("ClusterRole", "Role") else ():
            groups = [f"{group}/" if group else "" for group in rule["apiGroups"]]
            resources = tuple(f"{group}{resource}" for group in groups for resource in rule["resources"])
            role = f"{one['kind']} {one['metadata']['name']}"
            rendered.add((role, resources, tuple(rule.get("resourceNames", ())), tuple(rule["verbs"])))
    assert {_bare(right) for right in rights()} == rendered
    assert all(right.what_for for right in rights())


def _bare(right: Right) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return right.role, right.resources, right.names, right.verbs


def test_every_module_that_a_page_runs_is_there() -> None:
    named = {name for page in READ for name in re.findall(r"python -m ((?:tools|bench|e2e)[\w.]*)", page.read_text())}
    assert {"tools.images", "bench.cluster.injector"} <= named
    assert [name for name in named if importlib.util.find_spec(name) is None] == []
