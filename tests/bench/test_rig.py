"""The rig's own parts: bodies, targets, and the two C programs against each other."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from bench import bodies, places
from bench.measuring import PEER_MODES, PROVE, QUICK, modes_of
from bench.processes import refuse_taken_ports, start_provider, stop, tree
from bench.sidecar_target import bench_snapshot
from bench.target import Shape
from bench.targets import all_targets
from ccproxy_contract.snapshot import snapshot_bytes, snapshot_from_bytes
from ccproxy_sidecar.explain_call import report_on
from ccproxy_sidecar.explain_input import recorded
from ccproxy_sidecar.rules.program import Program
from tests.conftest import free_port

NATIVE = places.BENCH / "native"


def test_bodies_are_the_same_bytes_every_time_and_carry_one_nonce(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        bodies.write(tmp_path / folder)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
        assert file.read_bytes().count(b"nonce-0000000000000000") == 1
        assert json.loads(file.read_bytes())["model"]


@pytest.mark.parametrize(("name", "size"), [("ant_1k", 1e3), ("oai_1k", 1e3), ("ant_800k", 8e5), ("oai_100k", 1e5)])
def test_bodies_have_the_size_in_their_name(name: str, size: float, tmp_path: Path) -> None:
    bodies.write(tmp_path)
    assert (tmp_path / f"{name}.json").stat().st_size == pytest.approx(size, rel=0.15)


@pytest.mark.parametrize("shape", ["chat", "messages"])
def test_snapshot_under_load_has_twenty_rules_and_passes_its_own_check(shape: Shape) -> None:
    snapshot = bench_snapshot(9, shape)
    assert len(snapshot.rules) == 20
    assert snapshot_from_bytes(snapshot_bytes(snapshot)) == snapshot


def test_every_target_has_a_name_of_its_own() -> None:
    names = [target.name for target in all_targets()]
    assert len(names) == len(set(names))


def test_peers_are_measured_only_where_a_bar_needs_them_in_a_quick_run() -> None:
    for target in all_targets():
        assert modes_of(target, PROVE) == PROVE.modes
        if target.peer:
            assert modes_of(target, QUICK) == PEER_MODES


def test_taken_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SystemExit, match="is taken"):
            refuse_taken_ports([taken.getsockname()[1]])


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `lg`, `upstream` and the bodies."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: the load generator and the fake provider are not tested here")
    folder = tmp_path_factory.mktemp("native")
    for name in ("lg", "upstream"):
        subprocess.run(["gcc", "-Wall", "-Werror", "-o", str(folder / name), str(NATIVE / f"{name}.c")], check=True)
    bodies.write(folder)
    return folder


def run_load(programs: Path, body: str, *options: str, path: str = "/v1/chat/completions") -> dict[str, float]:
    port = free_port()
    provider = start_provider(programs / "upstream", port, core="0")
    try:
        command = [str(programs / "lg"), "-p", str(port), "-u", path, "-b", str(programs / body)]
        command += ["-c", "2", "-d", "0.3", "-w", "0.1", *options]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    finally:
        stop(provider)
    assert ran.stderr == ""
    found: dict[str, float] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("body", ["oai_1k.json", "ant_800k.json"])
def test_load_generator_counts_answers_without_errors(programs: Path, body: str) -> None:
    found = run_load(programs, body, "-n")
    assert found["errors"] == found["reconnects"] == 0
    assert 0 < found["done"] <= found["done_in_all"]
    assert found["events"] >= found["done_in_all"]


@pytest.mark.parametrize(
    ("body", "path"), [("oai_1k_stream.json", "/v1/chat/completions"), ("ant_1k_stream.json", "/v1/messages")]
)
def test_load_generator_sees_every_chunk_of_a_stream(programs: Path, body: str, path: str) -> None:
    found = run_load(programs, body, path=path)
    assert found["errors"] == 0
    assert 50 * found["done_in_all"] <= found["events"] <= 50 * (found["done_in_all"] + 2)


def test_open_loop_keeps_the_rate_it_is_given(programs: Path) -> None:
    found = run_load(programs, "oai_1k.json", "-r", "100")
    assert found["errors"] == found["unsent"] == 0
    assert found["done_in_all"] <= 41


def test_stopping_ends_the_whole_tree() -> None:
    process = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"])
    while len(tree(process.pid)) < 3:
        time.sleep(0.01)
    family = tree(process.pid)
    stop(process)
    deadline_s = time.monotonic() + 5
    while any(_runs(pid) for pid in family):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """A zombie has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


@pytest.mark.parametrize("body", ["1k", "1k_stream", "100k", "800k"])
@pytest.mark.parametrize("shape", ["chat", "messages"])
async def test_every_call_of_the_rig_passes_nineteen_rules_and_is_taken_by_the_last(
    shape: Shape, body: str, bodies_folder: Path
) -> None:
    target = next(target for target in all_targets() if target.name.startswith("ccproxy") and target.shape == shape)
    call = recorded((bodies_folder / target.body(body)).read_bytes(), path=target.path, headers=["user-agent: lg/1"])
    report = await report_on(Program(bench_snapshot(9, shape)), call, at_ms=0)
    assert report.outcome.rule == "everything-else"
    assert [target.cost_usd is not None for target in report.outcome.targets] == [True]


@pytest.fixture(scope="module")
def bodies_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bodies")
    bodies.write(folder)
    return folder
