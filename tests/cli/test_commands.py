"""The command line as a user sees it: help, errors that say what to do, exit codes, JSON."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccproxy_cli.app import COMMANDS, cli
from ccproxy_cli.commands.logs import readable
from ccproxy_cli.home import Home
from ccproxy_cli.processes import wait_until_gone
from tests.cli.conftest import launched, state_where, wait_for

Run = Callable[..., Result]


@pytest.fixture
def run(home: Home) -> Run:
    """The command line in this process, with CCPROXY_HOME set to an empty home."""
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="ccproxy")


def test_help_lists_every_command_with_its_own_first_sentence(run: Run) -> None:
    shown = run("--help").stdout
    for name, summary in COMMANDS.items():
        command = cli.get_command(cli.make_context("ccproxy", [name]), name)
        assert command is not None
        assert f"{name} " in shown
        assert summary in shown
        page = run(name, "--help").stdout
        assert "Examples:" in page
        assert f"ccproxy {name}" in page


def test_help_documents_the_exit_codes(run: Run) -> None:
    shown = run("--help").stdout
    for code in ("0 ", "1 ", "2 ", "3 ", "126", "127"):
        assert f"\n    {code}" in shown


def test_help_imports_no_command() -> None:
    script = "import sys; from ccproxy_cli.__main__ import main; main()"
    count = "import atexit; atexit.register(lambda: print([m for m in sys.modules if 'pydantic' in m or 'rich' in m]));"
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys; {count} {script}", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.endswith("[]\n")


@pytest.mark.parametrize("command", [["stop"], ["status"], ["usage"]])
def test_what_needs_a_running_ccproxy_says_how_to_start_it(run: Run, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 3
    assert "ccproxy start" in result.stderr
    assert result.stdout == ""


def test_a_port_that_is_no_number_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCPROXY_PORT", "many")
    result = run("start")
    assert result.exit_code == 1
    assert "CCPROXY_PORT is 'many'" in result.stderr


def test_a_database_that_is_no_url_is_a_sentence_without_it(run: Run, home: Home) -> None:
    result = run("start", "--database", "me:secret@host")
    assert result.exit_code == 1
    assert "postgresql://" in result.stderr
    assert "secret" not in result.stderr
    assert not home.state.exists()


@pytest.mark.usefixtures("policies")
def test_doctor_sees_that_ccproxy_was_killed(run: Run, home: Home) -> None:
    state = launched(home)
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert wait_until_gone(state.supervisor, timeout_s=5)
    found = json.loads(run("doctor", "--json").stdout)
    assert ("processes", "ccproxy was killed") in [(finding["about"], finding["finding"]) for finding in found]


def test_wrong_use_exits_with_two(run: Run) -> None:
    assert run("start", "--port", "many").exit_code == 2
    assert run("no-such-command").exit_code == 2


def test_install_writes_policies_that_are_right_and_replaces_them_only_on_demand(run: Run, home: Home) -> None:
    first = run("install")
    assert first.exit_code == 0
    written = sorted(home.policies.glob("*.yaml"))
    assert written
    assert all(str(path) in first.stdout for path in written)
    assert run("check").exit_code == 0
    written[0].write_text("mine: 1\n")
    second = run("install")
    assert second.exit_code == 1
    assert "--force" in second.stderr
    assert written[0].read_text() == "mine: 1\n"
    assert run("install", "--force").exit_code == 0
    assert written[0].read_text() != "mine: 1\n"


def test_check_prints_file_line_path_and_what_to_write(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: ccproxy.ai/v1alpha1\nkind: RoutingPolicy\nmetadata: {name: a}\nspec: {rulez: []}\n"
    )
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout.startswith("a.yaml:4: spec.rulez: ")
    asked = run("check", str(tmp_path), "--json")
    assert asked.exit_code == 1
    problem = json.loads(asked.stdout)["problems"][0]
    assert (problem["file"], problem["line"], problem["path"]) == ("a.yaml", 4, "spec.rulez")


def test_check_without_policies_says_what_to_do(run: Run, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        result = run("check", str(folder))
        assert result.exit_code == 1
        assert "ccproxy install" in result.stdout


def test_start_with_bad_policies_prints_them_like_check(run: Run, home: Home) -> None:
    home.create()
    (home.policies / "a.yaml").write_text("kind: Nonsense\n")
    result = run("start", "--detach", "--port", "0")
    assert result.exit_code == 1
    assert "a.yaml:1" in result.stderr
    assert not home.snapshot.exists()


def test_start_with_a_folder_without_policies_says_so(run: Run, tmp_path: Path) -> None:
    result = run("start", "--config", str(tmp_path))
    assert result.exit_code == 1
    assert "no *.yaml file" in result.stderr


def test_a_home_that_cannot_be_made_is_a_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CCPROXY_HOME", str(tmp_path / "file" / "home"))
    for command in ("start", "install"):
        result = run(command)
        assert result.exit_code == 1
        assert "CCPROXY_HOME" in result.stderr


@pytest.mark.usefixtures("policies")
def test_status_shows_processes_policies_and_problems(run: Run, home: Home, policies: Path) -> None:
    state = launched(home)
    (policies / "a.yaml").write_text("wrong: 1\n")
    wait_for(lambda: state_where(home, lambda now: bool(now.reload.report.problems)))
    shown = run("status").stdout
    assert state.address in shown
    assert "a.yaml:1: spec: write `right` instead" in shown
    assert "sidecar" in shown
    asked = json.loads(run("status", "--json").stdout)
    assert asked["running"] is True
    assert any("a.yaml:1" in problem for problem in asked["problems"])


@pytest.mark.usefixtures("policies")
def test_stop_ends_everything(run: Run, home: Home) -> None:
    state = launched(home)
    assert run("stop").exit_code == 0
    assert wait_until_gone(state.supervisor, timeout_s=1)
    assert run("stop").exit_code == 3


@pytest.mark.usefixtures("policies")
def test_logs_show_all_processes_or_one(run: Run, home: Home) -> None:
    launched(home)
    wait_for(lambda: "ledger stand-in starts" in home.log("ledger").read_text())
    shown = run("logs").stdout
    assert "sidecar    sidecar stand-in starts" in shown
    assert "supervisor serving on http://127.0.0.1:" in shown
    assert json.loads(run("logs", "--process", "supervisor", "--json").stdout)["event"] == "serving"
    only = run("logs", "--process", "ledger").stdout
    assert "sidecar stand-in" not in only
    assert "ledger stand-in starts" in only


def test_logs_before_the_first_start_say_so(run: Run) -> None:
    result = run("logs")
    assert result.exit_code == 1
    assert "never ran" in result.stderr


def test_logs_follow_what_comes(home: Home) -> None:
    home.create()
    log = home.log("ledger")
    log.write_text("before\n")
    with subprocess.Popen(
        [sys.executable, "-m", "ccproxy_cli", "logs", "-f", "-n", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline().split() == ["ledger", "before"]
        log.write_text("before\nafter\nhalf a li")
        assert following.stdout.readline().split() == ["ledger", "after"]
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0


def test_a_log_line_is_made_readable() -> None:
    line = '{"ts":"2026-11-21T09:55:38.516+00:00","level":"warning","process":"x","event":"gone","pid":7}'
    assert readable("sidecar", line) == "09:55:38 sidecar    WARNING gone pid=7"
    assert readable("sidecar", "Traceback") == "         sidecar    Traceback"


def test_doctor_finds_what_is_wrong_and_says_what_to_do(run: Run, home: Home) -> None:
    home.create()
    (home.policies / "a.yaml").write_text("kind: Nonsense\n")
    home.root.chmod(0o755)
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = {finding["about"]: finding for finding in json.loads(result.stdout)}
    assert found["home"]["advice"] == f"chmod go= {home.root}"
    assert "a.yaml:1" in found["policies"]["finding"]
    home.root.chmod(0o700)
    (home.policies / "a.yaml").unlink()
    run("install")
    assert "chmod" not in run("doctor").stdout


def _agent(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.usefixtures("policies")
def test_run_becomes_the_agent_with_its_arguments_variables_and_exit_code(home: Home, tmp_path: Path) -> None:
    state = launched(home)
    _agent(tmp_path / "bin", "claude", 'echo "$@" "$ANTHROPIC_BASE_URL" "$OPENAI_BASE_URL."; exit 41')
    done = subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", "run", "claude", "-p", "--version", "hello"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
    )
    assert done.stdout == f"-p --version hello {state.address} .\n"
    assert done.returncode == 41


@pytest.mark.usefixtures("policies")
def test_run_refuses_an_agent_that_would_go_past_ccproxy(home: Home, tmp_path: Path) -> None:
    launched(home)
    _agent(tmp_path / "bin", "gemini", "echo never")
    done = subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", "run", str(tmp_path / "bin" / "gemini")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "no backend speaks gemini-generate" in done.stderr


def test_run_of_a_missing_program_exits_with_127_and_starts_nothing(run: Run, home: Home) -> None:
    result = run("run", "no-such-program-here")
    assert result.exit_code == 127
    assert "was not found" in result.stderr
    assert not home.state.exists()


def test_run_of_a_file_that_is_no_program_exits_with_126_and_says_how_to_make_it_one(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "agent.sh"
    script.write_text("#!/bin/sh\n")
    result = run("run", str(script))
    assert result.exit_code == 126
    assert "chmod +x" in result.stderr


@pytest.mark.parametrize("command", ["install", "start", "status", "doctor", "usage", "logs"])
def test_a_home_that_is_a_file_is_told_by_every_command(
    run: Run, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CCPROXY_HOME", str(tmp_path / "file"))
    result = run(command)
    assert result.exit_code == 1
    assert "which is a file: set it to a folder" in result.stderr


def test_a_file_that_cannot_be_read_ends_in_a_sentence_wherever_a_command_meets_it(tmp_path: Path) -> None:
    (tmp_path / "run" / "state.json").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", "status"],
        capture_output=True,
        text=True,
        env=os.environ | {"CCPROXY_HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path}/run/state.json: Is a directory")
    assert "Traceback" not in done.stderr
