"""One document to one typed object, or the reasons why not.

Checks what one object can answer for itself by its shape; what needs RE2 or other objects comes after. Next:
`places.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from ccproxy_contract.names import API_VERSION
from ccproxy_policy.documents import Document
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.secret import Secret
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.problems import Findings, Problem
from ccproxy_policy.sentences import nearest, sentence

Kind = RoutingPolicy | ModelBackend | Tenant | Secret
K = TypeVar("K", bound=Kind)
Other = TypeVar("Other", bound=Kind)

KINDS: Final[dict[str, type[Kind]]] = {
    "RoutingPolicy": RoutingPolicy,
    "ModelBackend": ModelBackend,
    "Tenant": Tenant,
    "Secret": Secret,
}
MAX_PROBLEMS: Final = 20
"""Per document; who wrote more than that wrong has enough to do."""


@dataclass(frozen=True, slots=True)
class Written(Generic[K]):
    """An object and the document it was written in."""

    object: K
    document: Document

    @property
    def name(self) -> str:
        return self.object.metadata.name


def admit(
    documents: Iterable[Document], findings: Callable[[Kind], Findings], problems: list[Problem]
) -> list[Written[Kind]]:
    """Every document that is an object and may be one here (`findings` has nothing to say); adds to `problems`.

    Of two with one kind and name the first is taken.
    """
    taken: dict[tuple[str, str], Document] = {}
    objects = []
    for document in documents:
        found = admitted(document)
        if isinstance(found, list):
            problems += found
            continue
        first = taken.setdefault((found.object.kind, found.name), document)
        if first is not document:
            message = f"{found.object.kind} `{found.name}` is already in {first.file}:{first.line}; choose another name"
            problems.append(document.problem(("metadata", "name"), message))
        elif wrong := document.kept("place", findings, partial(_problems, found, findings)):
            problems += wrong
        else:
            objects.append(found)
    return objects


def _problems(written: Written[Kind], findings: Callable[[Kind], Findings]) -> list[Problem]:
    return [written.document.problem(*finding) for finding in findings(written.object)]


def admitted(document: Document) -> Written[Kind] | list[Problem]:
    """The document's object, or its problems (never both)."""
    return document.kept("admitted", None, partial(_admitted, document))


def _admitted(document: Document) -> Written[Kind] | list[Problem]:
    kind = _kind(document)
    if isinstance(kind, Problem):
        return [kind]
    try:
        return Written(kind.model_validate(document.value), document)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MAX_PROBLEMS]
        return sorted({document.problem(*sentence(kind, wrong)) for wrong in found})


def of_kind(kind: type[Other], objects: list[Written[Kind]]) -> list[Written[Other]]:
    """The objects of one kind, in their order."""
    return [Written(w.object, w.document) for w in objects if isinstance(w.object, kind)]


def _kind(document: Document) -> type[Kind] | Problem:
    value = document.value
    if not isinstance(value, dict):
        return document.problem((), "write a mapping with apiVersion, kind, metadata and spec")
    name = value.get("kind")
    if not isinstance(name, str):
        return document.problem(("kind",), f"is missing; write one of {', '.join(KINDS)}")
    if name not in KINDS:
        near = nearest(name, list(KINDS))
        return document.problem(("kind",), "unknown kind; " + (f"did you mean `{near}`?" if near else _one_of_kinds()))
    wanted = "v1" if name == "Secret" else API_VERSION
    if value.get("apiVersion") != wanted:
        return document.problem(("apiVersion",), f"write {wanted}")
    return KINDS[name]


def _one_of_kinds() -> str:
    return f"write one of {', '.join(KINDS)}"
