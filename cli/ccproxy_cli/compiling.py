"""From a policy folder to the files that processes watch: compile, and write only what has no problems.

Runs as a process of its own under the supervisor (`python -m ccproxy_cli.compiling FOLDER RUN_FOLDER`): what compiling
needs in memory is given back, and a reload never delays a restart. Next: `journal.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccproxy_cli.settings import environment
from ccproxy_cli.state import BackendState, CompileReport, PolicyProblem
from ccproxy_contract.accounts import Accounts, accounts_bytes
from ccproxy_contract.snapshot import Backend, Snapshot, snapshot_bytes
from ccproxy_policy.compile import LAPTOP_NAMESPACE, compile
from ccproxy_policy.load import load_folder
from ccproxy_policy.problems import Problem
from ccproxy_runtime.atomic import atomic_write


@dataclass(frozen=True)
class Compilation:
    """What a folder compiles to; `snapshot` holds credentials. With problems in the report it must not be used."""

    snapshot: Snapshot
    accounts: Accounts
    report: CompileReport


def compile_folder(folder: Path, variables: Mapping[str, str]) -> Compilation:
    """Read and compile the policies in `folder`; `variables` is where `{env: NAME}` and `${NAME}` are looked up."""
    loaded = load_folder(folder)
    compiled = compile(loaded.documents, environment=variables)
    snapshot = compiled.snapshots[LAPTOP_NAMESPACE]
    problems = sorted({*loaded.problems, *compiled.problems})
    if not loaded.documents and not problems:
        problems.append(Problem(str(folder), 0, "", "holds no policy; `ccproxy install` writes starter policies"))
    report = CompileReport(
        problems=tuple(map(_problem, problems)),
        snapshot=snapshot.hash,
        accounts=compiled.accounts.hash,
        rules=tuple(rule.name for rule in snapshot.rules),
        backends=tuple(map(_backend, snapshot.backends)),
        files=len({document.file for document in loaded.documents}),
    )
    return Compilation(snapshot, compiled.accounts, report)


def write_outputs(compilation: Compilation, run_folder: Path) -> None:
    """Write what the processes watch, mode 0600. Raises `OSError` when the disk refuses; the old files then stay."""
    atomic_write(run_folder / "accounts.json", accounts_bytes(compilation.accounts))
    atomic_write(run_folder / "snapshot.json", snapshot_bytes(compilation.snapshot))


def _problem(problem: Problem) -> PolicyProblem:
    return PolicyProblem(file=problem.file, line=problem.line, path=problem.path, message=problem.message)


def _backend(backend: Backend) -> BackendState:
    return BackendState(
        name=backend.name,
        provider=backend.provider,
        url=backend.url,
        dialects=backend.dialects,
        credential=backend.credential.kind,
    )


def main(folder: str, run_folder: str) -> None:
    """Compile, write snapshot.json and accounts.json when there are no problems, print the report as JSON."""
    compilation = compile_folder(Path(folder), environment())
    if not compilation.report.problems:
        write_outputs(compilation, Path(run_folder))
    sys.stdout.buffer.write(msgspec.json.encode(compilation.report))


if __name__ == "__main__":
    main(*sys.argv[1:])
