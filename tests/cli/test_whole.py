"""The real processes together: a call through a started ccproxy is served, metered, priced and shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccproxy_cli.home import Home
from ccproxy_cli.processes import wait_until_gone
from ccproxy_cli.state import State, running_state
from tests.cli.conftest import child_identity, temporary_home, wait_for

CALL = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello, please."}]}


def _ccproxy(home: Home, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CCPROXY_HOME": str(home.root), "PROVIDER_KEY": "sk-of-the-backend"} | variables,
    )


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a scripted provider in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.provider", "--quiet"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


@pytest.fixture(scope="module")
def house(provider: str) -> Iterator[Home]:
    """The home of a ccproxy in the background whose only backend is the scripted provider; all tests share it."""
    with temporary_home() as home:
        home.create()
        (home.policies / "a.yaml").write_text(_policies(provider))
        done = _ccproxy(home, "start", "--detach", "--port", "0")
        assert done.returncode == 0, done.stderr
        assert _running(home).address in done.stdout
        yield home


def _running(home: Home) -> State:
    state = running_state(home.state)
    assert state is not None
    return state


def _policies(provider: str) -> str:
    backend = (
        "apiVersion: ccproxy.ai/v1alpha1\nkind: ModelBackend\nmetadata: {name: here}\nspec:\n"
        f"  provider: Anthropic\n  endpoint: {{url: {provider}}}\n  credentials: {{env: PROVIDER_KEY}}\n"
    )
    policy = (
        "---\napiVersion: ccproxy.ai/v1alpha1\nkind: RoutingPolicy\nmetadata: {name: p}\nspec:\n  rules:\n"
        '  - name: opus-on-haiku\n    match: {models: ["claude-opus-*"]}\n'
        "    then: {route: {targets: [{backend: here, model: claude-haiku-5-5}]}}\n"
    )
    return backend + policy


def _call(state: State) -> dict[str, str]:
    request = urllib.request.Request(
        f"{state.address}/v1/messages",
        data=json.dumps(CALL).encode(),
        headers={"content-type": "application/json", "x-api-key": "ccproxy", "anthropic-version": "2023-06-01"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert json.load(response)["type"] == "message"
        return {name.lower(): value for name, value in response.headers.items()}


def _usage(home: Home) -> dict[str, object] | None:
    done = _ccproxy(home, "usage", "--json", "--group-by", "rule")
    answer: dict[str, object] = json.loads(done.stdout) if done.returncode == 0 else {}
    return answer if answer.get("groups") else None


def test_a_call_is_routed_metered_priced_and_shown(house: Home) -> None:
    assert _call(_running(house))["x-ccproxy-rule"] == "opus-on-haiku"
    answer = wait_for(lambda: _usage(house), timeout_s=30)
    groups = answer["groups"]
    assert isinstance(groups, list)
    assert (groups[0]["rule"], groups[0]["calls"], groups[0]["unpriced_calls"]) == ("opus-on-haiku", 1, 0)
    assert float(groups[0]["savings"]) > 0
    shown = _ccproxy(house, "status")
    assert shown.returncode == 0
    assert "claude-haiku-5-5" in shown.stdout
    assert "in 1 calls" in shown.stdout
    assert "claude-haiku-5-5" in _ccproxy(house, "usage").stdout
    everything = "".join(path.read_text() for path in house.logs.iterdir())
    assert "sk-of-the-backend" not in everything
    assert "Say hello" not in everything


def test_doctor_finds_a_running_ccproxy_well(house: Home) -> None:
    wait_for(lambda: _ccproxy(house, "usage").returncode == 0, timeout_s=30)
    done = _ccproxy(house, "doctor", "--json", PROVIDER_KEY="")  # another terminal: what runs has its key
    assert done.returncode == 0, done.stdout
    found = {finding["about"]: finding["level"] for finding in json.loads(done.stdout)}
    assert found["ledger"] == found["prices"] == found["port"] == found["home"] == found["policies"] == "ok"


def test_explain_says_where_a_call_goes_with_the_policies_that_run(house: Home, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps(CALL))
    done = _ccproxy(house, "explain", str(request))
    assert done.returncode == 0, done.stderr
    assert "opus-on-haiku" in done.stdout
    assert _ccproxy(house, "explain", str(tmp_path / "none.json")).returncode == 2


def test_status_and_calls_work_while_the_ledger_hangs(house: Home) -> None:
    state = _running(house)
    ledger = child_identity(house, "ledger")
    os.kill(ledger.pid, signal.SIGSTOP)
    try:
        shown = _ccproxy(house, "status")
        assert _call(state)["x-ccproxy-target"]
    finally:
        os.kill(ledger.pid, signal.SIGCONT)
    assert shown.returncode == 0
    assert state.address in shown.stdout
    assert "Spend of today is not known now" in shown.stdout


def test_restart_with_bad_policies_leaves_it_running(house: Home) -> None:
    before = _running(house)
    (house.policies / "b.yaml").write_text("kind: Nonsense\n")
    done = _ccproxy(house, "restart")
    (house.policies / "b.yaml").unlink()
    assert done.returncode == 1
    assert "b.yaml:1" in done.stderr
    assert _running(house).supervisor == before.supervisor


def test_restart_keeps_the_port(house: Home) -> None:
    before = _running(house)
    done = _ccproxy(house, "restart")
    assert done.returncode == 0, done.stderr
    after = _running(house)
    assert after.port == before.port
    assert after.supervisor != before.supervisor


def test_nothing_is_left_after_the_supervisor_was_killed_and_the_next_start_serves(house: Home) -> None:
    before = _running(house)
    children = [child_identity(house, name) for name in ("sidecar", "ledger")]
    os.kill(before.supervisor.pid, signal.SIGKILL)
    for child in children:
        assert wait_until_gone(child, timeout_s=20)
    again = _ccproxy(house, "start", "--detach", "--port", str(before.port))
    assert again.returncode == 0, again.stderr
    _call(_running(house))
    assert _ccproxy(house, "stop").returncode == 0


def test_explain_compiles_a_folder_when_nothing_runs(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_policies("http://127.0.0.1:1"))
    (tmp_path / "request.json").write_text(json.dumps(CALL))
    done = _ccproxy(home, "explain", str(tmp_path / "request.json"), "--config", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    assert "opus-on-haiku" in done.stdout
    assert not home.root.exists()


def test_run_starts_ccproxy_when_none_runs_and_says_so(home: Home, provider: str) -> None:
    home.create()
    (home.policies / "a.yaml").write_text(_policies(provider))
    script = "import os; print(os.environ['ANTHROPIC_BASE_URL'], os.environ['ANTHROPIC_API_KEY'])"
    done = _ccproxy(home, "run", sys.executable, "-c", script, CCPROXY_PORT="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{_running(home).address} ccproxy\n"
    assert "ccproxy was not running; starting it." in done.stderr


def test_start_in_a_terminal_shows_where_it_serves_and_ends_with_ctrl_c(home: Home) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ccproxy_cli", "start", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CCPROXY_HOME": str(home.root), "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate(timeout=20)[1]
        assert first == f"ccproxy serves on {_running(home).address}\n"
        process.send_signal(signal.SIGINT)
        _, remarks = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "These starter policies are yours to edit" in remarks
    assert "Traceback" not in remarks
    assert not home.state.exists()
