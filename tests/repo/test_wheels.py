"""The wheels of all members, installed into an empty environment as pipx would: what a user runs without this tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = re.search(r"^MEMBERS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of each member."""
    assert MEMBERS is not None
    out = tmp_path_factory.mktemp("wheels")
    _run("bash", "tools/wheels.sh", str(out), *MEMBERS[1].split())
    return out


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `bin` folder of an environment that holds `ccproxy-cli` and what it needs."""
    place = tmp_path_factory.mktemp("app") / "venv"
    command_line = next(str(path) for path in wheels.glob("ccproxy_cli-*.whl"))
    wanted = ["--find-links", str(wheels), "--constraint", str(_versions(wheels)), command_line]
    uv = _uv()
    if uv is None:
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted)
    else:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(place))
        _run(uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *wanted)
    yield place / "bin"
    shutil.rmtree(place)


def _versions(folder: Path) -> Path:
    """The versions that were tested, less their hashes: our own wheels have none."""
    pinned = re.findall(r"^([\w.\[\]-]+==\S+(?: ; .+?)?) ?\\?$", (ROOT / "requirements/laptop.txt").read_text(), re.M)
    assert len(pinned) > 20
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pinned))
    return constraints


def _uv() -> str | None:
    """As tools/setup.sh finds it."""
    fetched = next((str(path) for path in (ROOT / ".uv").glob("**/bin/uv")), None)
    return shutil.which("uv") or fetched


def _run(*command: str, **variables: str) -> str:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV"))}
    done = subprocess.run(command, cwd=ROOT, env=bare | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_a_wheel_of_each_member_brings_its_types_and_nothing_of_the_tests(wheels: Path) -> None:
    assert MEMBERS is not None
    built = sorted(path.name.split("-")[0] for path in wheels.glob("*.whl"))
    assert built == sorted(f"ccproxy_{member}" for member in MEMBERS[1].split())
    for wheel in wheels.glob("*.whl"):
        names = _run(sys.executable, "-m", "zipfile", "-l", str(wheel))
        assert "/py.typed" in names
        assert "tests/" not in names


@pytest.mark.timeout(300)
def test_the_installed_command_says_its_version_and_checks_the_policies_it_wrote(
    installed: Path, tmp_path: Path
) -> None:
    ccproxy = str(installed / "ccproxy")
    assert re.search(r"\d+\.\d+\.\d+", _run(ccproxy, "--version"))
    home = {"CCPROXY_HOME": str(tmp_path / "home")}
    _run(ccproxy, "install", **home)
    assert _run(ccproxy, "check", **home).startswith("OK: ")


@pytest.mark.timeout(300)
def test_the_installed_ledger_finds_its_migrations_and_its_postgres(installed: Path, tmp_path: Path) -> None:
    home = {"CCPROXY_HOME": str(tmp_path / "h"), "CCPROXY_PORT": "0"}
    ccproxy = str(installed / "ccproxy")
    _run(ccproxy, "start", "--detach", **home)
    try:
        shown = ""
        for _ in range(100):
            shown = _run(ccproxy, "status", **home)
            if "Spend today" in shown:
                break
        assert "Spend today" in shown
    finally:
        _run(ccproxy, "stop", **home)
