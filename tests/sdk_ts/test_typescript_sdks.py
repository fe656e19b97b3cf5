"""Runs the Node tests of this folder. Without Node >= 20 they are skipped with the reason; under CI that fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.fakes.endpoints import Endpoint

HERE = Path(__file__).parent
OLDEST_NODE = 20
FILES = ("anthropic.test.mjs", "openai.test.mjs", "gemini.test.mjs")


@pytest.fixture(scope="session")
def node() -> str:
    """Node's path, the packages installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        _cannot("node or npm is missing")
    major = int(_output(found, "--version").removeprefix("v").partition(".")[0])
    if major < OLDEST_NODE:
        _cannot(f"node {major} is older than {OLDEST_NODE}")
    _install(npm)
    return found


def _install(npm: str) -> None:
    """`npm ci`, unless what the lock file names is there."""
    stamp = HERE / "node_modules" / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    done = subprocess.run([npm, "ci"], cwd=HERE, capture_output=True, text=True, timeout=170, check=False)
    if done.returncode:
        _cannot(f"npm ci failed: {done.stderr.strip()[-300:]}")


def _cannot(why: str) -> NoReturn:
    """Skip loudly; where CI runs, Node has to be there."""
    reason = f"THE TYPESCRIPT SDKS WERE NOT TESTED: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


@pytest.mark.parametrize("file", FILES)
def test_the_typescript_sdk_is_content(file: str, node: str, endpoint: Endpoint) -> None:
    surroundings = {
        **os.environ,
        "CCPROXY_TEST_URL": endpoint.url,
        "CCPROXY_TEST_KEY": endpoint.key,
        "CCPROXY_TEST_THROUGH": "1" if endpoint.through_ccproxy else "0",
    }
    ran = subprocess.run(
        [node, "--test", "--test-reporter=spec", file],
        cwd=HERE,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-1_000:]
