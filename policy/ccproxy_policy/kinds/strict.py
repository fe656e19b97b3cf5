"""How every kind is read: unknown fields refused, no silent conversion, camelCase as on Kubernetes.

Next: `text.py`.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    """A part of a kind. `planned` names fields of the design that a later issue brings."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    planned: ClassVar[frozenset[str]] = frozenset()
