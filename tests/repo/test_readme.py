"""README.md is executed: its policies compile, its commands parse, its links exist, its receipt is the demo's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ccproxy_cli.agents import AGENTS
from ccproxy_cli.app import COMMANDS, cli
from ccproxy_cli.compiling import compile_folder
from ccproxy_contract.names import DATA_PORT, HEADER_CALL, HEADER_RULE, HEADER_SHADOW, HEADER_TARGET
from ccproxy_ledger.usage_query import GROUPS
from ccproxy_policy.starter import starter_files
from ccproxy_sidecar.stages.forward import TRIES_PER_TARGET

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w[\w ]*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```\w[\w ]*\n.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
POLICIES = [text for kind, text in BLOCKS if kind == "yaml"]
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line]
ON_A_CLUSTER = [line for line in SHELL if line.startswith(("helm ", "kubectl "))]
"""Checked by `test_docs_commands.py` and run by `tests/cluster/docs`."""
LINES = [line for line in SHELL if line not in ON_A_CLUSTER]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PIPX = 'pipx install --pip-args="--find-links dist" dist/ccproxy_cli-*.whl'


@pytest.mark.parametrize("text", POLICIES)
def test_a_policy_compiles_beside_the_starter_backends(text: str, tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text(starter_files()["backends.yaml"])
    (tmp_path / "example.yaml").write_text(text)
    report = compile_folder(tmp_path, {"SPARE_ANTHROPIC_KEY": "k"}).report
    assert [str(problem) for problem in report.problems] == []
    assert list(report.rules) == re.findall(r"- name: (\S+-\S+)\n\s+match", text)


def test_all_policies_compile_together(tmp_path: Path) -> None:
    for number, text in enumerate((starter_files()["backends.yaml"], *POLICIES)):
        (tmp_path / f"{number}.yaml").write_text(text)
    assert compile_folder(tmp_path, {"SPARE_ANTHROPIC_KEY": "k"}).report.problems == ()
    assert len(POLICIES) >= 5


@pytest.mark.parametrize("line", LINES)
def test_a_shell_line_names_what_exists_with_options_that_parse(line: str) -> None:
    words = shlex.split(line, comments=True)
    program, *arguments = words
    if program == "make":
        assert set(arguments) <= TARGETS
    elif program == "pipx":
        assert line == PIPX
    else:
        assert program in ("ccproxy", ".venv/bin/ccproxy")
        name, *rest = arguments
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        command.make_context(name, rest)


def test_the_start_on_a_cluster_is_five_commands_the_same_as_on_its_own_page() -> None:
    assert len(ON_A_CLUSTER) == 5
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    assert "\n".join(["```sh", *ON_A_CLUSTER, "```"]) in page
    (example,) = [text for kind, text in BLOCKS if kind == "yaml cluster"]
    assert example in page


def test_every_command_is_shown() -> None:
    shown = {shlex.split(line, comments=True)[1] for line in LINES if line.startswith("ccproxy ")}
    assert shown == set(COMMANDS)


def test_the_first_page_says_how_to_start_and_shows_the_receipt() -> None:
    first = "\n".join(README.splitlines()[:60])
    for said in (
        "make demo",
        "make setup",
        ".venv/bin/ccproxy start",
        "ccproxy run claude",
        "saved $",
        f":{DATA_PORT}",
    ):
        assert said in first
    assert "Tested on Debian and Ubuntu. macOS is expected to work" in README


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_names_in_the_text_are_those_of_the_code() -> None:
    assert [name for name in (HEADER_CALL, HEADER_RULE, HEADER_TARGET, HEADER_SHADOW) if name not in README] == []
    flowing = " ".join(PROSE.split())
    assert f"sums by {', '.join(GROUPS[:-1])} or {GROUPS[-1]}" in flowing
    assert set(AGENTS) == set(re.findall(r"`(claude|codex|gemini|aider|opencode)`", PROSE))
    assert (TRIES_PER_TARGET, "Each target is tried twice" in README) == (2, True)


def test_figures_are_those_of_the_tests() -> None:
    claimed = set(re.findall(r"\b\d{1,3}(?:,\d{3})+\b", PROSE))
    sources = [(ROOT / "tests" / name).read_text() for name in ("faults/test_fault_run.py", "bytes/test_bytes.py")]
    sizes = re.findall(r"\d[\d_]+", "".join(re.findall(r"^CALLS = .+$", "\n".join(sources), re.MULTILINE)))
    assert claimed == {"1,000", "5,000", "50,000"}
    assert claimed <= {size.replace("_", ",") for size in sizes}


def test_the_receipt_is_what_make_demo_prints() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    receipt = next(text for kind, text in BLOCKS if kind == "text")
    assert receipt in done.stdout
