"""The list of commands. Each is imported only when it is called, so that `ccproxy --help` starts at once.

Must not import a command at load time. Next: `exits.py`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

import click

COMMANDS = {
    "install": "Write commented starter policies.",
    "start": "Start ccproxy.",
    "stop": "Stop ccproxy.",
    "restart": "Stop ccproxy and start it again as it was.",
    "status": "Show what runs, what it sent where and what that cost today.",
    "logs": "Show what the processes wrote.",
    "run": "Run a coding agent, or any program, through ccproxy.",
    "check": "Say whether a folder of policies is right.",
    "explain": "Say rule by rule where a request would go, without sending it.",
    "usage": "Show calls, tokens, cost and savings.",
    "doctor": "Look for what could be wrong on this machine.",
}

EPILOG = """\b
Examples:
  ccproxy start --detach        start in the background
  ccproxy run claude            a coding agent, its calls through ccproxy
  ccproxy status                what went where, for how much
\b
Exit codes:
  0    fine
  1    a problem was found, or the command could not do its work
  2    wrong use of the command line
  3    ccproxy is not running
  126  `run`: the program cannot be executed
  127  `run`: the program was not found
  `run` otherwise ends with the exit code of the program.
\b
All state is under CCPROXY_HOME (default ~/.ccproxy), policies in its folder `policies`."""


class LazyGroup(click.Group):
    """A group whose commands are modules of `ccproxy_cli.commands`, found by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's name)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's name)
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"ccproxy_cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's name)
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"ccproxy {version('ccproxy-cli')}")
        ctx.exit()


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
def cli() -> None:
    """Cut the bill of programs that call LLMs, without changing those programs."""
