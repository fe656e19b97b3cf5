"""When policies are compiled again: once per change, after a moment of peace."""

from __future__ import annotations

from pathlib import Path

from ccproxy_cli.supervision.policy_watch import PolicyWatch, fingerprint, policy_files


def test_a_change_is_due_once_and_only_after_a_moment_of_peace() -> None:
    before, first, second = (("a", 1, 1, 1),), (("a", 2, 1, 1),), (("a", 3, 1, 1),)
    watch = PolicyWatch(before)
    assert not watch.due(before, now_s=0.0)
    assert not watch.due(first, now_s=1.0)
    assert not watch.due(first, now_s=1.2)
    assert not watch.due(second, now_s=1.25)
    assert not watch.due(second, now_s=1.5)
    assert watch.due(second, now_s=1.6)
    assert not watch.due(second, now_s=9.0)


def test_a_change_that_is_taken_back_at_once_is_not_due() -> None:
    watch = PolicyWatch(())
    assert not watch.due((("a", 1, 1, 1),), now_s=1.0)
    assert not watch.due((), now_s=1.1)
    assert not watch.due((), now_s=9.0)


def test_the_fingerprint_sees_edits_replacements_and_removals(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1")
    seen = [fingerprint(tmp_path)]
    file.write_text("a: 12")
    seen.append(fingerprint(tmp_path))
    (tmp_path / "other").write_text("a: 12")
    (tmp_path / "other").replace(file)
    seen.append(fingerprint(tmp_path))
    file.unlink()
    seen.append(fingerprint(tmp_path))
    assert len(set(seen)) == 4
    assert fingerprint(tmp_path / "none") == ()


def test_only_visible_yaml_files_are_policies(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", ".a.yaml.swp", ".hidden.yaml", "notes.md"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.yaml").mkdir()
    assert [path.name for path in policy_files(tmp_path)] == ["a.yml", "b.yaml"]
