"""Entry point of `ccproxy` and of `python -m ccproxy_cli`. Next: `app.py`."""

from __future__ import annotations

from ccproxy_cli.app import cli


def main() -> None:
    """Run the command line; leaves by `SystemExit` with one of the codes in `exits.py`."""
    cli(prog_name="ccproxy")


if __name__ == "__main__":
    main()
