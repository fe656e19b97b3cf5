"""Links lead somewhere, commands parse, generated parts are what the code says. Next: `test_docs_examples.py`."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ccproxy_cli.app import cli
from tests.repo.pages import PAGES, READ, ROOT, anchors, command_lines, links
from tools.docs.__main__ import PARTS, filled

NAMED_ALONE = ("explain", "run")
"""Commands that need an argument, and may be spoken of without one."""


def commands() -> list[tuple[str, str]]:
    return sorted({(str(page.relative_to(ROOT)), line) for page in READ for line in command_lines(page)})


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_line_is_one_that_ccproxy_takes(page: str, line: str) -> None:
    arguments = shlex.split(line)[1:]
    with contextlib.suppress(click.exceptions.Exit):  # --help, --version
        context = cli.make_context("ccproxy", list(arguments))
        name, command, rest = cli.resolve_command(context, arguments)
        assert command is not None
        if rest or name not in NAMED_ALONE:
            command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(link)
    assert dead == []


def test_the_generated_parts_are_what_the_code_says() -> None:
    for page in PAGES:
        assert filled(page.read_text()) == page.read_text(), f"run `python -m tools.docs` ({page.name})"


def test_every_generated_part_is_used_once() -> None:
    used = re.findall(r"<!-- generated: ([\w ]+) -->", "".join(page.read_text() for page in PAGES))
    assert sorted(used) == sorted(PARTS)


def test_the_check_fails_on_a_page_that_was_edited_by_hand(tmp_path: Path) -> None:
    page = "<!-- generated: planned -->\n\nby hand\n\n<!-- end generated -->\n"
    assert "resilience" in filled(page)
    assert filled(filled(page)) == filled(page)


def test_the_check_of_the_committed_pages_passes() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.docs", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_every_test_that_a_page_names_is_there() -> None:
    files = [path for folder in ("tests", "e2e") for path in (ROOT / folder).rglob("test_*.py")]
    known = {name for path in files for name in _TEST.findall(path.read_text())}
    named = {name for page in READ for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert len(named) > 20
    assert named - known == set()


_TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
