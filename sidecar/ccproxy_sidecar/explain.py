"""`python -m ccproxy_sidecar.explain`: why a call would go where it would go, and at what cost. Calls nobody.

In a pod it explains with the snapshot that the pod runs:
`kubectl exec -i POD -c ccproxy -- python -m ccproxy_sidecar.explain - < request.json`.
Exit codes: 0 a target or a `deny` was found, 1 none was, 2 the input or the snapshot cannot be read. Must not write
anything but its answer. Next: `explain_input.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

import msgspec

from ccproxy_sidecar.explain_call import report_on
from ccproxy_sidecar.explain_input import Recorded, recorded
from ccproxy_sidecar.explain_report import Report, text_of
from ccproxy_sidecar.last_good import snapshot_from_file
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.settings import snapshot_path


def main(argv: list[str]) -> int:
    """Explain one request: prints the report and returns the exit code."""
    options = _options(argv)
    try:
        request = recorded(_input(options.input), path=options.path, headers=options.header)
        report = asyncio.run(_explained(_program(options.snapshot, options.rules_path), request))
    except (OSError, ValueError, msgspec.MsgspecError) as problem:
        sys.stderr.write(f"ccproxy explain: {problem}\n")
        return 2
    sys.stdout.write(_json_of(report) if options.json else text_of(report))
    return 1 if report.refused and not report.denied else 0


def _json_of(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ccproxy explain", description="Say why a call goes where it goes.")
    parser.add_argument("input", metavar="FILE", help="JSON body or recorded HTTP request; - reads standard input")
    usual = snapshot_path()
    shown = "the compiled policies (default: CCPROXY_SNAPSHOT, as in a pod)"
    parser.add_argument("--snapshot", type=Path, default=usual, required=usual is None, metavar="FILE", help=shown)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--path", help="the path the body is sent to (default: guessed from its shape)")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE", help="a header of the call")
    parser.add_argument("--rules-path", type=Path, metavar="DIR", help="allow `class` rules and load them from here")
    return parser.parse_args(argv)


def _input(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _program(snapshot: Path, rules_path: Path | None) -> Program:
    if rules_path is not None:
        sys.path.insert(0, str(rules_path))
    return Program(snapshot_from_file(snapshot), custom_rules=rules_path is not None)


async def _explained(program: Program, request: Recorded) -> Report:
    try:
        return await report_on(program, request, at_ms=int(time.time() * 1000))
    finally:
        program.counter.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
