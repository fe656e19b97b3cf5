"""`ccproxy run AGENT`: becomes the agent, with its calls pointed at ccproxy. Next: `check.py`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from ccproxy_cli.agent_settings import settings_warning
from ccproxy_cli.agents import Pointed, Route, pointed
from ccproxy_cli.detaching import launch_detached
from ccproxy_cli.exits import PROBLEM, Failure, NotExecutable, NotFound
from ccproxy_cli.home import Home
from ccproxy_cli.launching import PolicyRefused, Wish, prepare
from ccproxy_cli.screens import problem_lines
from ccproxy_cli.settings import Settings, environment, settings
from ccproxy_cli.state import State, running_state
from ccproxy_cli.terminal import remark

EPILOG = """\b
Examples:
  ccproxy run claude
  ccproxy run codex exec "tidy the imports"
  ccproxy run aider --model sonnet
  ccproxy run python my_program.py
\b
Known agents: claude, codex, gemini, aider, opencode. Any other program gets the variables that the official
OpenAI, Anthropic and Gemini SDKs read. A key that you have set is never replaced."""


@click.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("agent")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, agent: str, arguments: tuple[str, ...]) -> None:
    """Run a coding agent, or any program, with its LLM calls through ccproxy.

    Starts ccproxy in the background when none runs. Ends with the program's own exit code.
    """
    program = shutil.which(agent)
    if program is None and Path(agent).is_file():
        raise NotExecutable(f"{agent} cannot be executed. `chmod +x {agent}` makes a script a program.")
    if program is None:
        raise NotFound(f"{agent} was not found. Install it, or give its full path.")
    ours, theirs = settings(), environment()
    state = running_state(Home(ours.home).state) or _started(ours)
    name = Path(agent).name
    route = Route(state.address, state.running.backends, theirs)
    made = pointed(name, route)
    if made.missing:
        raise Failure(
            f"no backend speaks {made.missing}, so {name} would go past ccproxy. Add a ModelBackend that does to "
            f"{state.config}, or start {name} itself."
        )
    for warning in _warnings(name, made, route):
        remark(warning)
    if warning := settings_warning(name, ours.user_home):
        remark(warning)
    _become(program, (agent, *made.arguments, *arguments), theirs | made.variables)


def _started(ours: Settings) -> State:
    remark("ccproxy was not running; starting it.")
    wish = Wish(home=Home(ours.home), config=None, port=ours.port, database_url=ours.database_url)
    try:
        state = launch_detached(prepare(wish, remark))
    except PolicyRefused as refused:
        for line in problem_lines(refused.report):
            remark(line)
        raise click.exceptions.Exit(PROBLEM) from None
    remark(f"ccproxy serves on {state.address}; `ccproxy stop` ends it.")
    return state


def _warnings(name: str, made: Pointed, route: Route) -> Iterator[str]:
    for variable, value in made.variables.items():
        before = route.environment.get(variable, "")
        if variable.endswith(("_BASE_URL", "_API_BASE")) and before not in ("", value):
            yield f"{variable} was {before}; for {name} it is {value}."


def _become(program: str, argv: tuple[str, ...], variables: dict[str, str]) -> None:
    try:
        os.execve(program, argv, variables)
    except OSError as problem:
        raise NotExecutable(f"{program} cannot be executed: {problem.strerror}.") from None
