"""Entry point of `ccproxy` and of `python -m ccproxy_cli`. Next: `app.py`."""

from __future__ import annotations

import sys

from ccproxy_cli.app import cli
from ccproxy_cli.exits import PROBLEM


def main() -> None:
    """Run the command line; leaves by `SystemExit` with one of the codes in `exits.py`."""
    try:
        cli(prog_name="ccproxy")
    except OSError as refused:  # a file or folder that this user may not read, wherever a command meets it
        place = f"{refused.filename}: " if refused.filename else ""
        sys.stderr.write(f"Error: {place}{refused.strerror or refused}. `ccproxy doctor` looks for the cause.\n")
        sys.exit(PROBLEM)


if __name__ == "__main__":
    main()
