"""The last good file: what was kept comes back, what was damaged is a problem and never a snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.snapshot import Snapshot, sealed, snapshot_bytes
from ccproxy_sidecar.last_good import keep, kept, snapshot_from_file

SNAPSHOT = sealed(Snapshot(workload="Deployment/coder", resource_versions={"Secret": "7"}))
NEWER = b'{"hash":"sha256:of-a-newer-operator","workload":"Job/a","fieldOfTheFuture":[1]}'


@pytest.mark.parametrize("content", [snapshot_bytes(SNAPSHOT), NEWER])
def test_what_was_kept_comes_back_also_from_a_newer_operator(tmp_path: Path, content: bytes) -> None:
    keep(tmp_path / "s", content)
    found = kept(tmp_path / "s")
    assert found.snapshot is not None
    assert found.snapshot.hash.encode() in content
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert (kept(tmp_path / "s").snapshot, kept(tmp_path / "s").problem) == (None, "")


def test_a_file_of_the_laptop_is_read_too() -> None:
    assert snapshot_from_file(snapshot_bytes(SNAPSHOT)) == SNAPSHOT


@given(st.data())
def test_damage_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("kept") / "s"
    keep(path, NEWER)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from([whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]])
    )
    path.write_bytes(damaged)
    found = kept(path)
    assert found.snapshot is None
    assert found.problem
