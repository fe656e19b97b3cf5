"""The fields of a kind as a table, from the pydantic model that reads it.

Must not know any field by name. Next: `planned.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import HINTS
from tools.docs.table import table

Schema = dict[str, Any]
FRAME = ("apiVersion", "kind", "metadata")
"""Fields that every kind has."""
SPEC = "spec"
"""Left out of the paths: every field of a kind stands below it."""
SCALARS = {"string": "string", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def field_table(kind: type[Strict]) -> str:
    """Every field below the frame of `kind`: its path, type, meaning and bounds."""
    schema = kind.model_json_schema(by_alias=True)
    walk = _Walk(schema.get("$defs", {}))
    rows = [row for row in walk.rows(schema, "") if not row[0].startswith(tuple(f"`{name}" for name in FRAME))]
    return table(("Field", "Type", "Meaning", "Bounds"), rows)


class _Walk:
    """Goes down a JSON schema; a part that stands in two places is written out once."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions
        self._written: dict[str, str] = {}

    def rows(self, schema: Schema, path: str) -> Iterator[tuple[str, str, str, str]]:
        required = schema.get("required", [])
        for name, part in schema.get("properties", {}).items():
            here = name if path in ("", SPEC) else f"{path}.{name}"
            yield from self._field(part, here, required=name in required)

    def _field(self, part: Schema, here: str, *, required: bool) -> Iterator[tuple[str, str, str, str]]:
        found = _without_null(part)
        inner, suffix = _without_null(found.get("items", found)), "[]" if "items" in found else ""
        reference = str(inner.get("$ref", "")).removeprefix("#/$defs/")
        before = self._written.get(reference)
        kind = f"as `{before}`" if before else self._type(found)
        bounds = [*(["required"] if required else []), *_bounds(found), *_default(part)]
        if here != SPEC:
            yield f"`{here}`", kind, part.get("description") or self._about(reference), "; ".join(bounds)
        if reference and not before:
            self._written[reference] = here
            yield from self.rows(self._definitions[reference], here + suffix)

    def _about(self, reference: str) -> str:
        return str(self._definitions.get(reference, {}).get("description", ""))

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            return "mapping"
        if "enum" in schema or "const" in schema:
            return " or ".join(f"`{_yaml(word)}`" for word in schema.get("enum", [schema.get("const")]))
        if "anyOf" in schema:
            return ", ".join(dict.fromkeys(self._type(choice) for choice in schema["anyOf"]))
        if schema.get("type") == "array":
            return f"list of {_plural(self._type(_without_null(schema['items'])))}"
        if schema.get("type") == "object":
            return f"map of names to {_plural(self._type(_map_value(schema)))}"
        return SCALARS[schema["type"]]


def _yaml(word: object) -> str:
    return str(word).lower() if isinstance(word, bool) else str(word)


def _plural(kind: str) -> str:
    return kind if kind.startswith("`") or "," in kind else f"{kind}s"


def _without_null(schema: Schema) -> Schema:
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def _map_value(schema: Schema) -> Schema:
    by_pattern = list(schema.get("patternProperties", {}).values())
    value: Schema = by_pattern[0] if by_pattern else schema["additionalProperties"]
    return value


def _bounds(schema: Schema) -> Iterator[str]:
    if "minimum" in schema or "maximum" in schema:
        yield f"{schema.get('minimum', ''):,} to {schema.get('maximum', ''):,}"
    if "maxItems" in schema:
        yield f"{schema.get('minItems', 0)} to {schema['maxItems']} entries"
    if "maxProperties" in schema:
        yield f"at most {schema['maxProperties']} entries"
    hint = HINTS.get(schema.get("pattern", ""))
    if hint:
        yield hint.removeprefix("write ")
    elif "maxLength" in schema:
        yield f"at most {schema['maxLength']:,} characters"


def _default(schema: Schema) -> Iterator[str]:
    value = schema.get("default")
    if isinstance(value, str | int) and value != "":
        yield f"default `{value}`"
