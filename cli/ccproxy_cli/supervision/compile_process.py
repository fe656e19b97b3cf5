"""Compiling in a process of its own, seen from the one that waits for it. Next: `supervisor.py`."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ccproxy_cli.state import CompileReport, PolicyProblem

COMPILE_TIMEOUT_S = 60.0


async def compiled_by_process(command: Sequence[str], config: str, run_folder: Path) -> CompileReport:
    """Compile `config` into `run_folder`; a compiler that fails or hangs is a problem like any other."""
    process = await asyncio.create_subprocess_exec(
        *command, config, str(run_folder), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), COMPILE_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return _failed(config, f"compiling took longer than {COMPILE_TIMEOUT_S:g} s")
    try:
        return msgspec.json.decode(stdout, type=CompileReport)
    except msgspec.DecodeError:
        last_line = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return _failed(config, f"the compiler failed with exit code {process.returncode}: {last_line[:300]}")


def _failed(config: str, sentence: str) -> CompileReport:
    return CompileReport(problems=(PolicyProblem(file=config, line=0, path="", message=sentence),))
