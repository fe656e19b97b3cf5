"""The supervisor with real processes: it serves, restarts, reloads, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.launching import PolicyRefused, Wish, prepare
from ccproxy_cli.loopback import ask
from ccproxy_cli.processes import alive, identity_of, wait_until_gone
from ccproxy_cli.state import running_state
from ccproxy_cli.supervision.plan import Commands
from tests.cli.conftest import STAND_INS, child_identity, launched, process_pid, state_where, wait_for


def _quietly(_line: str) -> None:
    pass


def _environment(port: int) -> dict[str, str]:
    reply = ask(port, "/healthz")
    assert reply is not None
    assert isinstance(reply.json, dict)
    given: dict[str, str] = reply.json["environment"]
    return given


@pytest.mark.usefixtures("policies")
def test_start_serves_and_gives_each_process_what_it_needs(home: Home) -> None:
    state = launched(home)
    sidecar = _environment(state.port)
    assert sidecar["CCPROXY_SNAPSHOT"] == str(home.snapshot)
    assert sidecar["CCPROXY_LEDGER_URL"] == f"http://127.0.0.1:{state.ledger_port}"
    assert sidecar["CCPROXY_EXIT_WITH_PARENT"] == str(state.supervisor.pid)
    wait_for(lambda: ask(state.ledger_port, "/healthz"))
    ledger = _environment(state.ledger_port)
    assert ledger["CCPROXY_ACCOUNTS"] == str(home.accounts)
    assert ledger["CCPROXY_LEDGER_TOKEN_FILE"] == sidecar["CCPROXY_LEDGER_TOKEN_FILE"] == str(home.ledger_token)


@pytest.mark.usefixtures("policies")
def test_supervisor_and_children_are_out_of_reach_of_the_terminals_ctrl_c(home: Home) -> None:
    state = launched(home)
    for pid in (state.supervisor.pid, wait_for(lambda: process_pid(home, "sidecar"))):
        assert os.getsid(pid) == pid


@pytest.mark.usefixtures("policies")
def test_state_and_secrets_are_open_to_their_owner_only(home: Home) -> None:
    launched(home)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    for path in (home.ledger_token, home.state, home.lock):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert len(bytes.fromhex(home.ledger_token.read_text())) == 32


@pytest.mark.usefixtures("policies")
def test_a_second_start_says_where_the_first_one_runs(home: Home) -> None:
    state = launched(home)
    with pytest.raises(Failure, match=rf"already runs .*process {state.supervisor.pid}, {state.address}"):
        launched(home)


@pytest.mark.usefixtures("policies")
def test_a_taken_port_is_named_with_its_holder(home: Home, tmp_path: Path) -> None:
    state = launched(home)
    other = Home(tmp_path / "o")
    other.create()
    (other.policies / "a.yaml").write_text("right: 1\n")
    with pytest.raises(Failure, match=rf"port {state.port} is taken by process \d+ \(.*stand_in sidecar.*--port"):
        prepare(Wish(home=other, config=None, port=state.port, commands=STAND_INS), _quietly)


@pytest.mark.usefixtures("policies")
def test_stopping_the_supervisor_stops_all(home: Home) -> None:
    state = launched(home)
    children = [child_identity(home, name) for name in ("sidecar", "ledger")]
    os.kill(state.supervisor.pid, signal.SIGTERM)
    assert wait_until_gone(state.supervisor, timeout_s=10)
    assert not any(alive(child) for child in children)
    assert not home.state.exists()


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("name", ["sidecar", "ledger"])
def test_a_killed_process_is_started_again_and_counted(home: Home, name: str) -> None:
    launched(home)
    first = wait_for(lambda: process_pid(home, name))
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: (pid := process_pid(home, name)) != first and pid)
    assert second
    state = running_state(home.state)
    assert state is not None
    restarted = next(process for process in state.processes if process.name == name)
    assert restarted.restarts == 1
    assert restarted.last_exit == "signal 9"


@pytest.mark.usefixtures("policies")
def test_processes_end_with_a_killed_supervisor(home: Home) -> None:
    state = launched(home)
    children = [child_identity(home, name) for name in ("sidecar", "ledger")]
    os.kill(state.supervisor.pid, signal.SIGKILL)
    for child in children:
        assert wait_until_gone(child, timeout_s=10)
    assert running_state(home.state) is None


@pytest.mark.usefixtures("policies")
def test_the_next_start_ends_what_a_killed_supervisor_left_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGER", "1")
    state = launched(home)
    left = [child_identity(home, name) for name in ("sidecar", "ledger")]
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert wait_until_gone(state.supervisor, timeout_s=5)
    assert all(alive(child) for child in left)
    monkeypatch.delenv("LINGER")
    assert launched(home, port=state.port).port == state.port
    assert not any(alive(child) for child in left)


@pytest.mark.usefixtures("policies")
def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    state = launched(home)
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert wait_until_gone(state.supervisor, timeout_s=5)
    recorded = home.state.read_text()
    here = identity_of(os.getpid())
    assert here is not None
    for process in state.processes:
        if process.identity:
            recorded = recorded.replace(f'"pid":{process.identity.pid}', f'"pid":{here.pid}')
    home.state.write_text(recorded)
    launched(home)
    assert alive(here)


def test_an_edit_is_followed(home: Home, policies: Path) -> None:
    state = launched(home)
    (policies / "b.yaml").write_text("more: 2\n")
    wait_for(lambda: home.snapshot.read_text() == "right: 1\nmore: 2\n")
    after = wait_for(lambda: state_where(home, lambda now: now.reload.at_ms > state.reload.at_ms))
    assert after.running.snapshot != state.running.snapshot
    assert after.running.files == 2


def test_a_bad_edit_keeps_the_last_good_policies_and_is_shown(home: Home, policies: Path) -> None:
    launched(home)
    good = home.snapshot.read_text()
    (policies / "a.yaml").write_text("fine: 1\nwrong: 2\n")
    state = wait_for(lambda: state_where(home, lambda now: bool(now.reload.report.problems)))
    assert str(state.reload.report.problems[0]) == "a.yaml:2: spec: write `right` instead"
    assert state.running.problems == ()
    assert home.snapshot.read_text() == good
    wait_for(lambda: "a.yaml:2: spec: write `right` instead" in home.log("supervisor").read_text())
    (policies / "a.yaml").write_text("mended: 1\n")
    wait_for(lambda: state_where(home, lambda now: not now.reload.report.problems))
    assert home.snapshot.read_text() == "mended: 1\n"


def test_bad_policies_at_the_first_start_are_refused(home: Home, policies: Path) -> None:
    (policies / "a.yaml").write_text("wrong: 1\n")
    with pytest.raises(PolicyRefused) as refused:
        launched(home)
    assert refused.value.report.problems[0].line == 1
    assert not home.snapshot.exists()
    (policies / "a.yaml").write_text("right: 1\n")
    assert launched(home).serving_since_ms


@pytest.mark.usefixtures("policies")
def test_a_sidecar_that_cannot_start_ends_the_start_with_its_last_words(home: Home) -> None:
    dying = Commands(sidecar=(*STAND_INS.sidecar, "--die"), ledger=STAND_INS.ledger, compiling=STAND_INS.compiling)
    with pytest.raises(Failure, match="sidecar stand-in starts"):
        launched(home, commands=dying)
    wait_for(lambda: not home.state.exists())


@pytest.mark.usefixtures("policies")
def test_a_ledger_that_cannot_start_does_not_hold_up_the_sidecar(home: Home) -> None:
    dying = Commands(sidecar=STAND_INS.sidecar, ledger=(*STAND_INS.ledger, "--die"), compiling=STAND_INS.compiling)
    state = launched(home, commands=dying)
    assert ask(state.port, "/healthz") is not None
    shown = wait_for(lambda: state_where(home, lambda now: now.processes[1].restarts >= 2))
    assert shown.processes[1].last_exit == "exit code 7"


@pytest.mark.usefixtures("policies")
def test_a_compiler_that_crashes_is_a_problem_not_a_crash(home: Home) -> None:
    crashing = Commands(compiling=(sys.executable, "-c", "raise SystemExit('no such thing')"))
    with pytest.raises(PolicyRefused) as refused:
        launched(home, commands=crashing)
    assert "no such thing" in str(refused.value.report.problems[0])
