"""What a user's own rule may see of a call: a small read-only view. Must not offer the client's key.

Next: `custom.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ccproxy_contract.snapshot import Task
from ccproxy_sidecar.call import Call

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"})


class Facts:
    """One call, as `matches(facts)` gets it. Values of a call without a body are empty, 0 or False.

    model, path, client (User-Agent), agent, task, dialect: words. prompt_bytes: bytes of text a model would read.
    user_turns: how often the user has spoken. max_tokens: int or None. thinking, stream: bool. tools: names.
    metadata: the client's metadata. headers: lower-case names without credentials. texts(): every text in order.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def model(self) -> str:
        request = self._call.request
        return request.model if request is not None else self._call.path_model or ""

    @property
    def path(self) -> str:
        return self._call.path

    @property
    def client(self) -> str:
        return self._call.headers.get("user-agent", "")

    @property
    def agent(self) -> str:
        return self._call.agent

    @property
    def task(self) -> Task:
        return self._call.task

    @property
    def dialect(self) -> str:
        return self._call.dialect.name

    @property
    def prompt_bytes(self) -> int:
        return self._call.request.text_bytes if self._call.request is not None else 0

    @property
    def user_turns(self) -> int:
        return self._call.request.user_turns if self._call.request is not None else 0

    @property
    def max_tokens(self) -> int | None:
        return self._call.request.max_tokens if self._call.request is not None else None

    @property
    def thinking(self) -> bool:
        return self._call.request is not None and self._call.request.thinking

    @property
    def stream(self) -> bool:
        return self._call.request is not None and self._call.request.stream

    @property
    def tools(self) -> tuple[str, ...]:
        return self._call.request.tool_names if self._call.request is not None else ()

    @property
    def metadata(self) -> Mapping[str, str]:
        return MappingProxyType(dict(self._call.request.metadata)) if self._call.request is not None else {}

    @property
    def headers(self) -> Mapping[str, str]:
        seen = {name.lower(): value for name, value in self._call.headers.items()}
        return MappingProxyType({name: value for name, value in seen.items() if name not in SECRET_HEADERS})

    def texts(self) -> Iterator[str]:
        """Every text of the call in order: system, messages, tool results, tool definitions."""
        return self._call.request.texts() if self._call.request is not None else iter(())
