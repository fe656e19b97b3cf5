"""Secret, as Kubernetes has it, for a laptop's folder. A value may be `${NAME}`: that environment variable.

Must never show a value: models here hide their fields. Next: `../sentences.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ccproxy_policy.kinds.metadata import Metadata
from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import SecretKey

Value = Annotated[str, Field(max_length=65_536)]
Values = Annotated[dict[SecretKey, Value], Field(max_length=64, repr=False)]


class Secret(Strict):
    """Named values; `data` is base64, `stringData` is as written and wins."""

    api_version: Literal["v1"]
    kind: Literal["Secret"]
    metadata: Metadata
    type: Annotated[str, Field(max_length=253)] = "Opaque"
    """As on Kubernetes; without meaning here."""
    string_data: Values = {}
    """Values as written; `${NAME}` alone is that environment variable."""
    data: Values = {}
    """Values in base64."""
