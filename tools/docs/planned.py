"""What the design names and is not built: the fields that `ccproxy check` answers with `planned, not built`.

Next: `providers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.sentences import PLANNED_VALUES

KINDS: tuple[type[Strict], ...] = (RoutingPolicy, ModelBackend, Tenant)


def planned_list() -> str:
    """One line per place of a kind."""
    lines = []
    for kind in KINDS:
        for path, names in dict(planned_fields(kind)).items():
            where = f"`{path}`" if path else "the top"
            lines.append(f"- {kind.__name__}, in {where}: {', '.join(f'`{name}`' for name in names)}")
    for field, values in PLANNED_VALUES.items():
        lines.append(f"- RoutingPolicy, values of `{field}`: {', '.join(f'`{value}`' for value in values)}")
    return "\n".join(lines)


def planned_fields(model: type[Strict], path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Paths inside a kind and the planned fields there; a part that stands in two places is told once."""
    seen: set[type[Strict]] = set()

    def below(part: type[Strict], here: str) -> Iterator[tuple[str, list[str]]]:
        if part in seen:
            return
        seen.add(part)
        if part.planned:
            yield here, sorted(part.planned)
        for name, field in part.model_fields.items():
            for inner in _models(field.annotation):
                yield from below(inner, f"{here}.{field.alias or name}".lstrip("."))

    yield from below(model, path)


def _models(annotation: Any) -> Iterator[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
