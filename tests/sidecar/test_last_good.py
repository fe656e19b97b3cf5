"""The last good file: what was kept comes back, what was damaged is a problem and never a snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.prices import Clause, ModelPrices, PriceBook, price_book
from ccproxy_contract.snapshot import Snapshot, sealed, snapshot_bytes, snapshot_from_stream
from ccproxy_sidecar.last_good import LastGood, kept, snapshot_from_file


def book(model: str) -> PriceBook:
    return price_book({"anthropic": (ModelPrices(id=model, match=Clause("equals", model), periods=()),)})


SNAPSHOT = sealed(Snapshot(workload="Deployment/coder", resource_versions={"Secret": "7"}, book=book("opus")))
NEWER = snapshot_from_stream(b'{"hash":"sha256:of-a-newer-operator","workload":"Job/a","fieldOfTheFuture":[1]}')


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("snapshot", [SNAPSHOT, NEWER])
def test_what_was_kept_comes_back_also_from_a_newer_operator(tmp_path: Path, snapshot: Snapshot) -> None:
    LastGood(tmp_path / "s").keep(snapshot)
    found = kept(tmp_path / "s").snapshot
    assert found == snapshot
    assert found is not None
    assert found.book.keys == snapshot.book.keys
    assert {file.stat().st_mode & 0o777 for file in files(tmp_path)} == {0o600}


def test_prices_are_written_when_they_change_and_old_ones_go(tmp_path: Path) -> None:
    last_good = LastGood(tmp_path / "s")
    last_good.keep(SNAPSHOT)
    before = [file.stat().st_ino for file in files(tmp_path)]
    last_good.keep(sealed(Snapshot(workload="Deployment/other", book=SNAPSHOT.book)))
    after = [file.stat().st_ino for file in files(tmp_path)]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)
    last_good.keep(sealed(Snapshot(book=book("haiku"))))
    assert len(files(tmp_path)) == 2
    found = kept(tmp_path / "s").snapshot
    assert found is not None
    assert found.book.keys == book("haiku").keys


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert (kept(tmp_path / "s").snapshot, kept(tmp_path / "s").problem) == (None, "")


def test_a_file_of_the_laptop_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(snapshot_bytes(SNAPSHOT))
    assert snapshot_from_file(tmp_path / "s") == SNAPSHOT


def test_missing_prices_are_a_problem(tmp_path: Path) -> None:
    LastGood(tmp_path / "s").keep(SNAPSHOT)
    files(tmp_path)[1].unlink()
    assert kept(tmp_path / "s").snapshot is None
    assert kept(tmp_path / "s").problem


@given(st.data())
def test_damage_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("kept")
    LastGood(folder / "s").keep(SNAPSHOT)
    path = data.draw(st.sampled_from(files(folder)))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from([whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]])
    )
    path.write_bytes(damaged)
    found = kept(folder / "s")
    assert found.snapshot is None
    assert found.problem
