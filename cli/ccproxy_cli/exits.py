"""Exit codes of every command, and the exceptions that end a command with a sentence for the user.

Must not print. Next: `settings.py`.
"""

from __future__ import annotations

import click

OK = 0
PROBLEM = 1
USAGE = 2
NOT_RUNNING = 3
NOT_EXECUTABLE = 126
NOT_FOUND = 127


class Failure(click.ClickException):
    """What went wrong and what to do about it; click prints it on stderr and exits with `exit_code`."""

    exit_code = PROBLEM


class NotRunning(Failure):
    """The command needs a running ccproxy."""

    exit_code = NOT_RUNNING

    def __init__(self) -> None:
        super().__init__("ccproxy is not running. Start it with `ccproxy start --detach`.")


class NotExecutable(Failure):
    """`run` found the program and the system would not execute it."""

    exit_code = NOT_EXECUTABLE


class NotFound(Failure):
    """`run` did not find the program."""

    exit_code = NOT_FOUND
