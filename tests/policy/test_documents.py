"""YAML as people mean it, and as attackers write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccproxy_policy.documents import MAX_DEPTH, MAX_DOCUMENTS, MAX_FILE_BYTES, documents_from_text
from ccproxy_policy.load import MAX_FILES, load_folder

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: Off", "Off"),
        ("a: yes", "yes"),
        ("a: True", True),
        ("a: false", False),
        ("a: 2026-11-21", "2026-11-21"),
        ("a: 1:30", "1:30"),
        ("a: 0777", "0777"),
        ("a: 60_000", "60_000"),
        ("a: -12", -12),
        ("a: 0.25", 0.25),
        ("a: 1e3", "1e3"),
        ("a: .nan", ".nan"),
        ("a: ~", None),
        ("a:", None),
        ("a: '4'", "4"),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
        ("a: &x [1]\nb: *x", [1]),
    ],
)
def test_values_are_read_as_written(text: str, value: object) -> None:
    (document,), problems = documents_from_text("a.yaml", text)

    assert problems == []
    assert isinstance(document.value, dict)
    assert document.value["a"] == value
    assert type(document.value["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\n", "a.yaml:2: not valid YAML (did not find expected ',' or ']'); mend the syntax"),
        ("a: 1\na: 2\n", "a.yaml:2: a: stands twice (first on line 1); keep one of them"),
        ("b:\n  c: 1\n  d: 2\n  c: 3\n", "a.yaml:4: b.c: stands twice (first on line 2); keep one of them"),
        (BOMB, "a.yaml:1: more than 100000 values, each use of an alias (`*name`) counted; split the file"),
        ("a: &a [*a]\n", "a.yaml:1: an alias (`*name`) nests too deep; write the values out"),
        ("a: *b\n", "a.yaml:1: not valid YAML (found undefined alias)"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "a.yaml:2: c: merge keys (`<<`) are not read; write the fields out"),
        ("a: !!python/object:os.system x\n", "a.yaml:1: a: the tag `python/object:os.system` is not read"),
        ("a: !mine x\n", "a.yaml:1: a: the tag `!mine` is not read"),
        ("? [a]\n: b\n", "a.yaml:1: a key must be a plain word"),
        ("[" * 5000, "a.yaml:1: nested deeper than 32 levels; no kind needs that"),
        ("a:\n\tb: 1\n", "a.yaml:2: not valid YAML (found character that cannot start any token)"),
        ("a: \x07\n", "a.yaml:1: not valid YAML (a character YAML does not allow)"),
        ("---\na: 1\n" * (MAX_DOCUMENTS + 1), "more than 500 documents in one file; split the file"),
    ],
)
def test_what_cannot_be_read_is_a_problem(text: str, expected: str) -> None:
    _, problems = documents_from_text("a.yaml", text)

    assert len(problems) == 1
    assert expected in problems[0].text


def test_depth_up_to_the_bound_is_read() -> None:
    assert documents_from_text("a.yaml", "[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []


def test_one_bad_document_leaves_the_others_of_its_file() -> None:
    found, problems = documents_from_text("a.yaml", "a: 1\n---\nb: 1\nb: 2\n---\nc: 1\n")

    assert [document.value for document in found] == [{"a": 1}, {"c": 1}]
    assert [problem.line for problem in problems] == [4]


def test_empty_documents_are_skipped() -> None:
    assert documents_from_text("a.yaml", "---\n---\n# nothing\n---\n") == ([], [])


def test_every_value_knows_its_line() -> None:
    (document,), _ = documents_from_text("a.yaml", "# head\na:\n  b:\n    - c: 1\n    - d\n")

    assert document.line == 2
    assert document.line_of(("a", "b", 0, "c")) == 4
    assert document.line_of(("a", "b", 1)) == 5
    assert document.line_of(("a", "b", 1, "not", "there")) == 5
    assert document.line_of(()) == 2


def test_a_key_with_control_characters_does_not_break_the_line_of_a_problem() -> None:
    _, problems = documents_from_text("a.yaml", '"a\\nb": 1\n"a\\nb": 2\n')

    assert "\n" not in problems[0].text


def test_a_folder_is_read_by_file_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.txt", "c.yaml~"):
        (tmp_path / name).write_text(f"from: {name}\n")
    loaded = load_folder(tmp_path)

    assert [document.value for document in loaded.documents] == [{"from": "a.yaml"}, {"from": "b.yml"}]
    assert [document.file for document in loaded.documents] == ["a.yaml", "b.yml"]
    assert loaded.problems == ()


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")

    assert [problem.text for problem in load_folder(tmp_path).problems] == [
        "big.yaml: larger than 1 MiB; split the file",
        "folder.yaml: cannot be read (Is a directory); mend or remove the file",
        "gone.yaml: cannot be read (No such file or directory); mend or remove the file",
        "latin.yaml:2: not UTF-8; save the file as UTF-8",
    ]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = load_folder(tmp_path / "none").problems

    assert problem.message.startswith("no such folder; `ccproxy install` writes starter policies")


def test_a_file_in_place_of_a_folder_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("kind: RoutingPolicy")
    (problem,) = load_folder(tmp_path / "policy.yaml").problems

    assert problem.message == "is a file; name the folder that it lies in"


def test_too_many_files_are_a_problem(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number:03}.yaml").write_text("")

    assert "more than 200 policy files" in load_folder(tmp_path).problems[0].text
