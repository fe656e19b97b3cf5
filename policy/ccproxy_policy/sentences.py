"""What pydantic found, said as a sentence that tells what to write instead.

Never repeats a value that somebody wrote (it may be a key in the wrong place). Next: `admit.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import HINTS, MONEY
from ccproxy_policy.problems import PathParts

PLANNED_VALUES = {"strategy": ("LeastBusy", "Fastest", "Cheapest")}
"""Values of the design that a later issue brings, per field."""

_SENTENCES = {
    "string_type": "write a string, in quotes if it looks like a number or a truth value",
    "int_type": "write a whole number",
    "bool_type": "write true or false",
    "list_type": "write a list, like [a, b]",
    "dict_type": "write a mapping of names to values",
    "model_type": "write a mapping of fields",
    "invalid_key": "a key must be a string",
    "string_unicode": "write valid Unicode text",
    "finite_number": "write a finite number",
    "string_too_long": "too long; write at most {max_length} characters",
    "string_too_short": "too short; write at least {min_length} character(s)",
    "greater_than_equal": "too small; write {ge} or more",
    "less_than_equal": "too large; write {le} or less",
    "too_long": "too many entries; write at most {max_length}",
    "too_short": "too few entries; write at least {min_length}",
}


_MISSING = {
    "metadata": "{name: NAME}",
    "spec": "with the fields of this kind under it",
    "name": "NAME",
    "provider": "Anthropic, or another provider",
    "targets": "[{backend: NAME}]",
    "backend": "NAME of a ModelBackend",
    "message": "a sentence for the client",
    "min": "a number of tokens",
    "minTurns": "a number of turns",
    "key": "KEY inside the Secret",
    "pem": "the certificates as PEM text",
    "aboveInputTokens": "a number of tokens",
    "inputPerMTok": '"0.25", dollars per million tokens',
    "outputPerMTok": '"0.25", dollars per million tokens',
}
"""What to write after the name of a field that must be there."""


def sentence(kind: type[Strict], error: ErrorDetails) -> tuple[PathParts, str]:
    """Where the error is and what to write instead."""
    parts: PathParts = tuple(error["loc"])
    context = error.get("ctx", {})
    if parts and parts[-1] == "[key]":
        parts = parts[:-1]
    match error["type"]:
        case "extra_forbidden":
            return parts, _unknown_field(model_at(kind, parts[:-1]), str(parts[-1]))
        case "literal_error":
            return parts, _wrong_word(parts, error["input"], str(context["expected"]))
        case "missing":
            return parts, f"is missing; write {parts[-1]}: {_MISSING.get(str(parts[-1]), '...')}"
        case "string_type" if str(parts[-1]).endswith("PerMTok"):
            return parts, HINTS[MONEY]
        case "string_pattern_mismatch":
            return parts, HINTS.get(str(context["pattern"]), "does not have the right form")
        case found:
            return parts, _SENTENCES.get(found, f"{error['msg']}").format_map(context)


def _unknown_field(model: type[Strict] | None, name: str) -> str:
    known = [field.alias or key for key, field in model.model_fields.items()] if model else []
    if model and name in model.planned:
        return f"{name} is planned, not built; leave it out"
    if not known:
        return "unknown field; no field is known here, leave it out"
    near = nearest(name, known)
    return f"unknown field; did you mean `{near}`?" if near else f"unknown field; write one of {', '.join(known)}"


def _wrong_word(parts: PathParts, written: object, expected: str) -> str:
    words = expected.replace(" or ", ", ").replace("'", "")
    planned = PLANNED_VALUES.get(str(parts[-1]) if parts else "", ())
    if isinstance(written, str) and written in planned:
        return f"{written} is planned, not built; write one of {words}"
    if not isinstance(written, str) or not (near := nearest(written, words.split(", "))):
        return f"write one of {words}" if ", " in words else f"write {words.lower() if words == 'True' else words}"
    return f"write one of {words}; did you mean `{near}`?"


def nearest(word: str, known: list[str]) -> str:
    """The known word most like `word`, ignoring case; empty when none is near."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower()[:100], by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""


def model_at(kind: type[Strict], parts: PathParts) -> type[Strict] | None:
    """The model that describes the mapping at `parts` of a kind; `None` where no model does."""
    annotation: Any = kind
    for part in parts:
        annotation = _inside(annotation, part)
    return _model(annotation)


def _inside(annotation: Any, part: str | int) -> Any:
    model = _model(annotation)
    if model:
        fields: Mapping[str, Any] = {field.alias or key: field.annotation for key, field in model.model_fields.items()}
        return fields.get(str(part))
    return get_args(annotation)[0] if get_origin(annotation) is list else None


def _model(annotation: Any) -> type[Strict] | None:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return next((found for member in get_args(annotation) if (found := _model(member))), None)
    return None
