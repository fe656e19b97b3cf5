"""The house keeps its shape: sizes, names, imports, and the trap of folders that shadow the standard library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ("contract", "runtime", "policy", "sidecar", "ledger", "compressor", "operator", "cli")
SOURCES = sorted(p for m in MEMBERS for p in (ROOT / m / f"ccproxy_{m}").rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_MEDIAN_FUNCTION_LINES = 8
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "data", "info"}
ONLY_HERE: dict[str, str | tuple[str, ...]] = {
    "torch": "compressor/",
    "kopf": "operator/ccproxy_operator/handlers.py",
    "kubernetes": "operator/ccproxy_operator/api.py",
    "cryptography": "operator/ccproxy_operator/certificates/",
    "jwt": "runtime/ccproxy_runtime/service_tokens.py",
    "stripe": "ledger/",
    "asyncpg": "ledger/",
    "redis": "sidecar/ccproxy_sidecar/cache/",
    "genai_prices": "policy/",
    "rs_bpe": ("sidecar/ccproxy_sidecar/tokens/", "compressor/ccproxy_compressor/tokens.py"),
    "alembic": "ledger/",
}


def tracked(*patterns: str) -> list[str]:
    """Files git knows or would know."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 1


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_members_have_sources() -> None:
    assert len(SOURCES) > 60


def test_no_python_file_lies_directly_in_a_member_folder() -> None:
    assert [str(p.relative_to(ROOT)) for m in MEMBERS for p in (ROOT / m).glob("*.py")] == []


@pytest.mark.parametrize("path", [p for p in tracked("*.py") if p], ids=str)
def test_no_file_is_over_400_lines(path: str) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MAX_FILE_LINES


def test_functions_are_short() -> None:
    lengths = {}
    for path in SOURCES:
        for function in functions(ast.parse(path.read_text())):
            lengths[f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"] = body_lines(function)
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}
    assert median(lengths.values()) <= MAX_MEDIAN_FUNCTION_LINES


def test_more_than_three_parameters_are_keyword_only() -> None:
    wide = []
    for path in SOURCES:
        for function in functions(ast.parse(path.read_text())):
            if any(isinstance(d, ast.Name) and d.id == "override" for d in function.decorator_list):
                continue
            positional = [a.arg for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")]
            if len(positional) > 3 and function.name not in ("handle_error", "__aexit__", "__exit__"):
                wide.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}")
    assert wide == []


def test_names_say_something() -> None:
    files = [p for p in tracked("*.py") if p]
    parts = {part for p in files for part in Path(p).with_suffix("").parts}
    classes = {
        node.name.lower()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert (parts | classes) & BANNED_NAMES == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(p.relative_to(ROOT)) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


@pytest.mark.parametrize("library", sorted(ONLY_HERE))
def test_a_heavy_library_is_imported_in_its_own_place_only(library: str) -> None:
    elsewhere = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        if library in imported(ast.parse(p.read_text())) and not str(p.relative_to(ROOT)).startswith(ONLY_HERE[library])
    ]
    assert elsewhere == []


def test_environment_is_read_in_settings_only() -> None:
    readers = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        if p.name != "settings.py" and re.search(r"os\.(environ|getenv)", p.read_text())
    ]
    assert readers == []


def test_the_standard_library_is_not_shadowed() -> None:
    script = "import operator, sys; sys.exit('lib' not in operator.__file__)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_no_machine_path_and_no_registry_host_is_committed() -> None:
    pattern = re.compile(
        r"(/work/(main|shared)|/root/\.|py[p]i\.org|python[h]osted|registry\.npm[j]s|proxy\.gol[a]ng|crates\.i[o]/)"
    )
    found = []
    for name in tracked():
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 1_000_000:
            text = path.read_bytes().decode("utf-8", "ignore")
            found += [f"{name}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
