"""A stand-in for the policy compiler: a file with the word `wrong` in it has a problem; anything else is a snapshot."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def main(folder: str, run_folder: str) -> None:
    files = sorted(Path(folder).glob("*.yaml"))
    problems = [
        {"file": file.name, "line": number, "path": "spec", "message": "write `right` instead"}
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if "wrong" in line
    ]
    content = "".join(file.read_text() for file in files)
    digest = hashlib.sha256(content.encode()).hexdigest()
    if not problems:
        for name in ("snapshot.json", "accounts.json"):
            Path(run_folder, name).write_text(content)
    backend = {
        "name": "anthropic", "provider": "Anthropic", "url": "https://api.anthropic.com",
        "dialects": ["anthropic-messages"], "credential": "Key",
    }  # fmt: skip
    report = {"problems": problems, "snapshot": digest, "accounts": digest, "rules": ["one"], "backends": [backend]}
    print(json.dumps(report | {"files": len(files)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
