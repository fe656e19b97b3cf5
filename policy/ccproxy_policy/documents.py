"""YAML text to documents that remember on which line each value stands.

YAML is read as Kubernetes users mean it: only `true` and `false` are booleans (so `mode: Off` is a word), dates stay
strings, keys are strings and stand once, size, depth and what aliases unfold to are bounded. Must not know any kind.
Next: `load.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import yaml

from ccproxy_policy.problems import INVALID, PathParts, Problem, path_text

T = TypeVar("T")

MAX_FILE_BYTES = 1 << 20
MAX_DOCUMENTS = 500
"""Per file; a laptop's folder holds a handful, one namespace of a large cluster some hundred."""
MAX_DEPTH = 32
MAX_NODES = 100_000
"""Values of one file after aliases are unfolded: far above a real file, far below an alias bomb."""

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: plain values, and the line of every path in `lines` (counted from 1)."""

    file: str
    line: int
    value: object = field(repr=False)
    """May hold a Secret's values, so it stays out of `repr`."""
    lines: Mapping[PathParts, int] = field(default_factory=dict)
    created: str = ""
    """A cluster's creationTimestamp; empty elsewhere."""
    _kept: dict[str, tuple[object, object]] = field(default_factory=dict, repr=False, compare=False)

    def kept(self, what: str, given: object, make: Callable[[], T]) -> T:
        """`make()`, kept with the document under the name `what` for as long as `given` stays equal.

        A cluster compiles a namespace again for each change of one object in it; all others answer from here.
        """
        found = self._kept.get(what)
        if found is None or found[0] != given:
            found = self._kept[what] = (given, make())
        return cast("T", found[1])

    def problem(self, parts: PathParts, message: str, reason: str = INVALID) -> Problem:
        """A problem at `parts`, on the line of the nearest thing that was really written."""
        return Problem(self.file, self.line_of(parts), path_text(parts), message, reason)

    def line_of(self, parts: PathParts) -> int:
        """The line of `parts`, else of its nearest written parent."""
        while parts and parts not in self.lines:
            parts = parts[:-1]
        return self.lines.get(parts, self.line)


def names_of(documents: Iterable[Document], kind: str) -> Iterable[str]:
    """Names of all documents that mean to be of a kind, also of those that are refused."""
    for document in documents:
        value = document.value
        if isinstance(value, dict) and value.get("kind") == kind and isinstance(value.get("metadata"), dict):
            name = value["metadata"].get("name")
            if isinstance(name, str):
                yield name


class _Refused(Exception):
    """Caught in `documents_from_text`: the document is left out with this reason."""

    def __init__(self, line: int, parts: PathParts, message: str) -> None:
        super().__init__(message)
        self.line, self.parts, self.message = line, parts, message


def documents_from_text(file: str, text: str) -> tuple[list[Document], list[Problem]]:
    """The documents of one file's text in order; empty ones are skipped, unreadable ones become problems."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        _check_shape(text)
        builder = _Builder()
        for node in yaml.compose_all(text, Loader=yaml.CSafeLoader):
            try:
                documents.extend(builder.documents(file, node))
            except _Refused as refused:
                problems.append(Problem(file, refused.line, path_text(refused.parts), refused.message))
    except _Refused as refused:
        problems.append(Problem(file, refused.line, "", refused.message))
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(file, error))
    return documents, problems


def _check_shape(text: str) -> None:
    """Refuse too deep or too many documents before anything recursive sees them."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > MAX_DEPTH:
            raise _Refused(line, (), f"nested deeper than {MAX_DEPTH} levels; no kind needs that")
        if documents > MAX_DOCUMENTS:
            raise _Refused(line, (), f"more than {MAX_DOCUMENTS} documents in one file; split the file")


def _syntax_problem(file: str, error: yaml.YAMLError) -> Problem:
    line = error.problem_mark.line + 1 if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else 1
    reason = (error.problem if isinstance(error, yaml.MarkedYAMLError) else None) or "a character YAML does not allow"
    return Problem(file, line, "", f"not valid YAML ({reason}); mend the syntax at or just above this line")


class _Builder:
    """Plain values from YAML nodes; counts what it built over the whole file."""

    def __init__(self) -> None:
        self._nodes = 0

    def documents(self, file: str, node: yaml.Node) -> Iterator[Document]:
        """One document, or none for an empty one."""
        lines: dict[PathParts, int] = {}
        value = self._value(node, (), lines)
        if value is not None:
            yield Document(file, node.start_mark.line + 1, value, lines)

    def _value(self, node: yaml.Node, parts: PathParts, lines: dict[PathParts, int]) -> object:
        line = lines.setdefault(parts, node.start_mark.line + 1)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"more than {MAX_NODES} values, each use of an alias (`*name`) counted; split the file"
            raise _Refused(line, (), message)
        if len(parts) > MAX_DEPTH:
            raise _Refused(line, (), "an alias (`*name`) nests too deep; write the values out")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, parts, lines)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*parts, index), lines) for index, item in enumerate(node.value)]
        return _scalar(node, line, parts)

    def _mapping(self, node: yaml.MappingNode, parts: PathParts, lines: dict[PathParts, int]) -> dict[str, object]:
        built: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = _key(key_node, line, parts)
            here = (*parts, key)
            if key in built:
                raise _Refused(line, here, f"stands twice (first on line {lines[here]}); keep one of them")
            lines[here] = line
            built[key] = self._value(value_node, here, lines)
        return built


def _key(node: yaml.Node, line: int, parts: PathParts) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Refused(line, parts, "a key must be a plain word")
    if node.tag == _TAG + "merge":
        raise _Refused(line, parts, "merge keys (`<<`) are not read; write the fields out")
    return str(node.value)


def _scalar(node: yaml.Node, line: int, parts: PathParts) -> object:
    tag, text = str(node.tag).removeprefix(_TAG), str(node.value)
    if tag == "null":
        return None
    if tag == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if tag == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if tag == "float" and _FLOAT.fullmatch(text):
        return float(text)
    if tag in ("str", "bool", "int", "float", "timestamp", "value"):
        return text
    raise _Refused(line, parts, f"the tag `{tag}` is not read; write a plain string, number, true or false")
