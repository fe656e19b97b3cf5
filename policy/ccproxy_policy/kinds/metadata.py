"""`metadata` of every kind: a name, and the labels and annotations that Kubernetes users expect.

Next: `routing_policy.py`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ccproxy_policy.kinds.strict import Strict
from ccproxy_policy.kinds.text import RULE_NAME, Name

Label = Annotated[str, Field(max_length=63)]
Annotation = Annotated[str, Field(max_length=4096)]
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
Labels = Annotated[dict[LabelKey, Label], Field(max_length=32)]


class Metadata(Strict):
    """What identifies an object. Labels and annotations carry no meaning on a laptop."""

    name: Name
    namespace: Annotated[str, Field(pattern=RULE_NAME, max_length=63)] | None = None
    labels: Annotated[dict[LabelKey, Label], Field(max_length=64)] = {}
    annotations: Annotated[dict[LabelKey, Annotation], Field(max_length=64)] = {}
