"""Every `Next:` leads to a file, and whoever follows it through what runs on a cluster meets every file once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repo.test_layout import ROOT, SOURCES

LAST_FILES = {
    "cli/ccproxy_cli/commands/doctor.py",
    "compressor/ccproxy_compressor/metrics.py",
    "contract/ccproxy_contract/features.py",
    "operator/ccproxy_operator/injector/metrics.py",
    "policy/ccproxy_policy/crds.py",
    "runtime/ccproxy_runtime/config_stream.py",
    "sidecar/ccproxy_sidecar/recovery.py",
}
"""Each member's walk ends somewhere."""
WALKS = {
    "operator/ccproxy_operator": "__main__.py",
    "compressor/ccproxy_compressor": "__main__.py",
    "policy/ccproxy_policy/cluster": "objects.py",
    "ledger/ccproxy_ledger/cluster": "settings.py",
}
"""Folder to the file that its walk begins with."""
MODULES = [path for path in SOURCES if path.name != "__init__.py" and "migrations" not in path.parts]


def following(path: Path) -> list[Path]:
    """The files that a module's docstring names after `Next:`; one that is not there is named, too."""
    _, _, words = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("Next:")
    member = ROOT.joinpath(*path.relative_to(ROOT).parts[:2])
    found = []
    for name in re.findall(r"`(\S+?(?:\.py|/))`", words):
        beside = (path.parent / name).resolve()
        found.append(beside if beside.exists() else member / name)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_next_leads_to_a_file(path: Path) -> None:
    found = following(path)
    assert [str(name) for name in found if not name.exists()] == []
    assert bool(found) != (str(path.relative_to(ROOT)) in LAST_FILES)


@pytest.mark.parametrize("folder", sorted(WALKS))
def test_the_walk_meets_every_file_once(folder: str) -> None:
    walked: list[Path] = []
    path: Path | None = ROOT / folder / WALKS[folder]
    while path is not None and path.is_relative_to(ROOT / folder):
        assert path not in walked, f"{path} again after {walked[-1]}"
        walked.append(path)
        path = next(iter(following(path)), None)
    every = {found for found in (ROOT / folder).rglob("*.py") if found.name != "__init__.py"}
    assert every - set(walked) == set()
