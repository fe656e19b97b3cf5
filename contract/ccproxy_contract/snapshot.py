"""The snapshot: what the sidecars of one namespace run. Written by `policy`, read by the sidecar.

Holds secrets (credentials): kept in memory or in files of mode 0600, never logged; `Credential` hides itself in
`repr`. Fields that a process does not know are ignored, so that versions can roll. Next: `events.py`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ccproxy_contract.hashes import content_hash
from ccproxy_contract.names import LAPTOP_WORKLOAD, LOCAL_TENANT
from ccproxy_contract.prices import EMPTY_BOOK, PriceBook

DialectName = Literal["anthropic-messages", "openai-chat", "openai-responses", "gemini-generate", "openai-embeddings"]
Provider = Literal[
    "Anthropic", "OpenAI", "AzureOpenAI", "Gemini", "DeepSeek", "Groq", "OpenRouter", "Mistral",
    "Ollama", "LocalAI", "VLLM", "TGI", "Custom",
]  # fmt: skip
Strategy = Literal["Priority", "RoundRobin", "Weighted"]
Mode = Literal["Enforce", "Shadow", "Off"]
Task = Literal["Utility", "Main", "Subagent", "Compaction"]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Every part of a snapshot is immutable and camelCase on the wire."""


class Credential(Part, frozen=True):
    """What a backend is called with. `PassThrough`: the client's own key or login goes on; `None`: no key at all."""

    kind: Literal["Key", "PassThrough", "None"]
    key: str = ""

    def __repr__(self) -> str:
        return f"Credential({self.kind})"


class Model(Part, frozen=True):
    """A model that a backend offers. Token counts; `None` is unknown."""

    name: str
    context_window: int | None = None
    max_output_tokens: int | None = None


class Backend(Part, frozen=True):
    """One provider endpoint. `url` has no trailing slash and is what the provider's own SDK takes as base URL."""

    name: str
    provider: Provider
    url: str
    dialects: tuple[DialectName, ...]
    credential: Credential
    price_keys: tuple[str, ...] = ()
    """Keys of the price book to look in, in this order."""
    headers: dict[str, str] = {}
    """Sent with every attempt; a client's header of the same name gives way."""
    models: tuple[Model, ...] = ()
    ca_bundle: str = ""
    """PEM certificates to trust instead of the system's; empty: the system's."""
    region: str = ""


class Target(Part, frozen=True):
    """A (backend, model) pair. Without `model` the client's own model name is kept."""

    backend: str
    model: str | None = None
    weight: int = 1


class Route(Part, frozen=True):
    targets: tuple[Target, ...]
    strategy: Strategy = "Priority"


class Deny(Part, frozen=True):
    status: int
    message: str


class Treatment(Part, frozen=True):
    """What to do with a call. At most one of the two; both empty only in an empty `default`."""

    route: Route | None = None
    deny: Deny | None = None


class TokenRange(Part, frozen=True):
    """Inclusive bounds on a token count; `None` is open."""

    min: int | None = None
    max: int | None = None


class CustomRule(Part, frozen=True):
    """A user's own rule: `module:Class`, called with `params`."""

    target: str
    params: dict[str, str | int | float | bool] = {}


class Match(Part, frozen=True):
    """All given fields must hold; a list holds when any of its members does. `None` and empty: not asked.

    Patterns are globs or `re:` (see `patterns.py`).
    """

    models: tuple[str, ...] = ()
    prompt_tokens: TokenRange | None = None
    cached_tokens: TokenRange | None = None
    thinking: bool | None = None
    tools: tuple[str, ...] = ()
    """Patterns over the names (or types) of the tools that the call offers."""
    agents: tuple[str, ...] = ()
    task: tuple[Task, ...] = ()
    stream: bool | None = None
    headers: dict[str, str] = {}
    """Lower-case header name to pattern; all must hold."""
    paths: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    """Key of the client's metadata to pattern; all must hold."""
    session_min_turns: int | None = None
    """Holds when the conversation has at least so many user turns."""
    contains: tuple[str, ...] = ()
    """Patterns searched in the call's text; a glob here may match anywhere in it."""
    clients: tuple[str, ...] = ()
    """Patterns over the User-Agent."""
    custom: CustomRule | None = None


class Rule(Part, frozen=True):
    """One rule in its final order. `then` already holds the missing parts from its policy's `default`."""

    name: str
    policy: str
    mode: Mode
    match: Match
    then: Treatment
    broken: str = ""
    """Why the treatment cannot be carried out (a missing backend): answered 503, never the next rule."""


class Snapshot(Part, frozen=True):
    """What a sidecar runs. `hash` covers everything else; make it with `sealed`."""

    hash: str = ""
    version: int = 1
    """Shape of this struct; a sidecar that knows only an older one keeps its last good snapshot."""
    workload: str = LAPTOP_WORKLOAD
    namespace: str = ""
    tenant: str = LOCAL_TENANT
    rules: tuple[Rule, ...] = ()
    """In the order in which they are tried: all policies, highest priority first."""
    default: Rule | None = None
    """The first policy's `default` as a rule that matches everything, when it has one."""
    backends: tuple[Backend, ...] = ()
    book: PriceBook = EMPTY_BOOK
    next_root: str = ""
    """PEM of the root certificate that signs next, from 30 days before it does; trusted beside the present one."""
    retired: bool = False
    """Last snapshot before ccproxy is uninstalled: routing stays as it is, budgets and compression are off."""
    resource_versions: dict[str, str] = {}
    """Per kind the newest resourceVersion that went in (cluster only)."""


SNAPSHOT_VERSION = 1


def sealed(snapshot: Snapshot) -> Snapshot:
    """The snapshot with `hash` set to the hash of its other fields."""
    bare = msgspec.structs.replace(snapshot, hash="", resource_versions={})
    return msgspec.structs.replace(snapshot, hash=content_hash(bare))


_encoder = msgspec.json.Encoder()


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    return _encoder.encode(snapshot)


class _Unread(Snapshot, frozen=True):
    """A snapshot whose book is still text: nine tenths of a slice, and the same in slice after slice."""

    book: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]


class _Named(msgspec.Struct, frozen=True):
    """The name of a book, which is the hash of its content."""

    version: str = ""


class _Naming(msgspec.Struct):
    """The one field of a snapshot that names its book."""

    book: _Named = _Named()


_unread = msgspec.json.Decoder(_Unread)
_named = msgspec.json.Decoder(_Named)
_naming = msgspec.json.Decoder(_Naming)
_book = msgspec.json.Decoder(PriceBook)


def snapshot_from_stream(raw: bytes, known: PriceBook = EMPTY_BOOK) -> Snapshot:
    """Decode a slice. Its hash is the operator's word: a newer operator may hash fields that this build ignores.

    A book that is named like `known` is taken to be it and not read (68 kB: 0.1 instead of 1.1 ms); its prices may be
    left out then (`lean_bytes`). Raises `ValueError` for bad JSON, another version, prices left out that are not known.
    """
    unread = _unread.decode(raw)
    if unread.version != SNAPSHOT_VERSION:
        raise ValueError(f"snapshot version {unread.version}, this process knows {SNAPSHOT_VERSION}")
    written = bytes(unread.book)
    book = known if not written or _named.decode(written).version == known.version else _book.decode(written)
    fields = {name: getattr(unread, name) for name in Snapshot.__struct_fields__}
    return Snapshot(**(fields | {"book": book if written else EMPTY_BOOK}))


def lean_bytes(snapshot: Snapshot) -> bytes:
    """The snapshot with no more than the name of its book, for a sidecar that runs another one with the same book."""
    named = msgspec.Raw(_encoder.encode(_Named(snapshot.book.version)))
    return _encoder.encode(msgspec.structs.replace(snapshot, book=named))


def book_name(raw: bytes) -> str:
    """The name of the book of a snapshot's bytes, lean or whole. Raises `ValueError` for bad JSON."""
    return _naming.decode(raw).book.version


def snapshot_from_bytes(raw: bytes) -> Snapshot:
    """Decode and verify. Raises `ValueError` for bad JSON, another version or a hash that does not fit."""
    snapshot = snapshot_from_stream(raw)
    if sealed(snapshot).hash != snapshot.hash:
        raise ValueError("snapshot hash does not fit its content: the file was cut or edited")
    return snapshot
