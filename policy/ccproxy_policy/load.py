"""A folder of YAML files to documents. The only file of this member that reads the disk.

Next: `kinds/strict.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccproxy_policy.documents import MAX_FILE_BYTES, Document, documents_from_text
from ccproxy_policy.problems import Problem

MAX_FILES = 200
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds: documents in the order of file name and position, and what could not be read."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def load_folder(folder: Path) -> Loaded:
    """Read every `*.yaml` and `*.yml` directly in `folder`, sorted by name; names in problems are bare file names.

    Hidden files are left out (editors keep their temporary files there).
    """
    if folder.is_file():
        return Loaded((), (Problem(str(folder), 0, "", "is a file; name the folder that it lies in"),))
    if not folder.is_dir():
        message = "no such folder; `ccproxy install` writes starter policies, `--config DIR` names another folder"
        return Loaded((), (Problem(str(folder), 0, "", message),))
    found = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in found[:MAX_FILES]:
        read, wrong = load_file(path)
        documents += read
        problems += wrong
    if len(found) > MAX_FILES:
        problems.append(Problem(str(folder), 0, "", f"more than {MAX_FILES} policy files; put several in one file"))
    return Loaded(tuple(documents), tuple(problems))


def load_file(path: Path) -> tuple[list[Document], list[Problem]]:
    """The documents of one file; a file that cannot be read is a problem, not an exception."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return [], [Problem(path.name, 0, "", f"cannot be read ({error.strerror}); mend or remove the file")]
    if len(raw) > MAX_FILE_BYTES:
        return [], [Problem(path.name, 0, "", f"larger than {MAX_FILE_BYTES >> 20} MiB; split the file")]
    try:
        return documents_from_text(path.name, raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return [], [Problem(path.name, line, "", "not UTF-8; save the file as UTF-8")]
