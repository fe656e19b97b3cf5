"""The environment variables of each process, from its settings module: names, defaults and docstrings.

Must not run a process. Next: `agents.py`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import ccproxy_cli.settings
import ccproxy_ledger.settings
import ccproxy_sidecar.settings
from ccproxy_cli.supervision.plan import LEDGER, SIDECAR, Plan, child_specs
from tools.docs.table import table

CLI_DEFAULTS = {"CCPROXY_HOME": "`~/.ccproxy`", "CCPROXY_PORT": "`4141`", "HOME": "the user's"}


class Variable(NamedTuple):
    """One variable. `default`: as text; empty: there is none."""

    name: str
    default: str
    required: bool
    meaning: str


def cli_table() -> str:
    """What `ccproxy` itself reads."""
    rows = []
    for text in _docstrings(_class(ccproxy_cli.settings)).values():
        name, _, meaning = text.partition(": ")
        rows.append((f"`{name}`", CLI_DEFAULTS.get(name, "empty"), meaning[:1].upper() + meaning[1:]))
    return table(("Variable", "Default", "Meaning"), rows)


def sidecar_table() -> str:
    """What `python -m ccproxy_sidecar` reads."""
    return _process_table(ccproxy_sidecar.settings, SIDECAR)


def ledger_table() -> str:
    """What `python -m ccproxy_ledger` reads."""
    return _process_table(ccproxy_ledger.settings, LEDGER)


def _process_table(module: ModuleType, process: str) -> str:
    decided = _decided(process)
    rows = [
        (
            f"`{variable.name}`",
            "required" if variable.required else f"`{variable.default}`" if variable.default else "empty",
            "`ccproxy start`" if variable.name in decided else "you",
            variable.meaning,
        )
        for variable in variables(module)
    ]
    return table(("Variable", "Default", "Set by", "Meaning"), rows)


def variables(module: ModuleType) -> Iterator[Variable]:
    """The variables that a settings module reads, in the order of its struct."""
    docs, tree = _docstrings(_class(module)), ast.parse(inspect.getsource(module))
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for name, value in _settings_arguments(tree):
        expression = assigned.get(value.id, value) if isinstance(value, ast.Name) else value
        if found := _reading(expression, module):
            yield found._replace(meaning=_sentence(docs.get(name, "")))


def _settings_arguments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Settings":
            yield from ((keyword.arg or "", keyword.value) for keyword in call.keywords)


def _reading(expression: ast.expr, module: ModuleType) -> Variable | None:
    """The innermost call that names a CCPROXY_ variable."""
    for node in ast.walk(expression):
        if not isinstance(node, ast.Call):
            continue
        for place, argument in enumerate(node.args):
            if isinstance(argument, ast.Constant) and str(argument.value).startswith("CCPROXY_"):
                rest = node.args[place + 1 :]
                required = isinstance(node.func, ast.Name) and node.func.id == "required"
                return Variable(str(argument.value), str(_value(rest[0], module)) if rest else "", required, "")
    return None


def _value(node: ast.expr, module: ModuleType) -> object:
    """A constant, a name of the module, or a product of these."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _value(node.left, module), _value(node.right, module)
        assert isinstance(left, int)
        assert isinstance(right, int)
        return left * right
    if isinstance(node, ast.Name):
        return getattr(module, node.id)
    return ast.literal_eval(node)


def _decided(process: str) -> set[str]:
    """What the supervisor sets for a child, whatever the user's environment holds."""
    plan = Plan(home="home", config="policies", port=0, ledger_port=0)
    return {name for spec in child_specs(plan, {}, supervisor=1) if spec.name == process for name in spec.environment}


def _class(module: ModuleType) -> ast.ClassDef:
    tree = ast.parse(Path(inspect.getfile(module)).read_text())
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")


def _docstrings(node: ast.ClassDef) -> dict[str, str]:
    """The string after each field."""
    found = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            found[field.target.id] = ast.literal_eval(after.value)
    return found


def _sentence(text: str) -> str:
    """Without references to the project's own notes."""
    return re.sub(r"\s*\((?:[^()]*, )?apis\.md[^()]*\)", "", text)
