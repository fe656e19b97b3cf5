"""Every metric of a process, read from where the code registers it. Next: `answer.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tools.docs.table import table

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "counter": "counter", "gauge": "gauge", "histogram": "histogram", "counter_fn": "counter", "gauge_fn": "gauge",
}  # fmt: skip
OF_EVERY_PROCESS = "runtime/ccproxy_runtime/metrics.py"
OPERATOR = "operator/ccproxy_operator"
INJECTOR = f"{OPERATOR}/injector"


class Metric(NamedTuple):
    """One family of series."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def sidecar_metrics() -> str:
    return _table("sidecar/ccproxy_sidecar")


def ledger_metrics() -> str:
    return _table("ledger/ccproxy_ledger")


def operator_metrics() -> str:
    return _table(OPERATOR, but=INJECTOR)


def injector_metrics() -> str:
    return _table(INJECTOR)


def _table(folder: str, *, but: str = "") -> str:
    rows = [
        (f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help)
        for metric in registered(folder, but=but)
    ]
    return table(("Metric", "Type", "Labels", "Meaning"), rows)


def registered(folder: str, *, but: str = "") -> list[Metric]:
    """The metrics of a process, by name. `but`: a folder inside that is another process."""
    own = [path for path in (ROOT / folder).rglob("*.py") if not but or not path.is_relative_to(ROOT / but)]
    paths = [*sorted(own), ROOT / OF_EVERY_PROCESS]
    return sorted(metric for path in paths for metric in _in(ast.parse(path.read_text())))


def _in(tree: ast.Module) -> Iterator[Metric]:
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) >= 2 and _called(node.func) in KINDS:
            texts = [_text(argument, constants) for argument in node.args[:2]]
            if all(texts):
                yield Metric(texts[0], KINDS[_called(node.func)], _labels(node), texts[1])


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.expr, constants: Mapping[str, object]) -> str:
    value = constants.get(node.id) if isinstance(node, ast.Name) else getattr(node, "value", None)
    return value if isinstance(value, str) else ""


def _labels(call: ast.Call) -> tuple[str, ...]:
    if len(call.args) < 3 or not isinstance(call.args[2], ast.Tuple):
        return ()
    return tuple(str(label.value) for label in call.args[2].elts if isinstance(label, ast.Constant))
