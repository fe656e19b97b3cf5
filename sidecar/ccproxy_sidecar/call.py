"""What one call is: a client's request and what the stages found out about it.

Stages read and fill it in the order of `pipeline.py`. Must not do I/O. Next: `pipeline.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ccproxy_contract.names import MAIN_AGENT

if TYPE_CHECKING:
    from ccproxy_contract.snapshot import Snapshot, Task
    from ccproxy_sidecar.dialects.dialect import Dialect, Operation, Request
    from ccproxy_sidecar.sessions.memory import Session


class Call:
    """One client request. Times: `received_ms` Unix milliseconds, `started_s` a monotonic clock in seconds."""

    __slots__ = (
        "agent", "body", "client_key", "dialect", "headers", "id", "method", "operation", "path", "path_model",
        "policy", "query", "received_ms", "request", "rule", "session", "session_id", "shadow", "snapshot",
        "started_s", "task",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: str,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        dialect: Dialect,
        operation: Operation,
        path_model: str | None,
        snapshot: Snapshot,
        received_ms: int,
        started_s: float,
    ) -> None:
        self.id = id
        self.method = method
        self.path = path
        """Raw path as sent, without the query; percent-escapes kept."""
        self.query = query
        """Raw query without `?`; empty when there is none."""
        self.headers = headers
        """Case-insensitive."""
        self.dialect = dialect
        self.operation = operation
        self.path_model = path_model
        self.snapshot = snapshot
        """What decides this call; fixed at its start, a reload in mid-call does not touch it."""
        self.received_ms = received_ms
        self.started_s = started_s
        self.body: bytes = b""
        self.request: Request | None = None
        """Set once the body is read; `None` for operations without a body that ccproxy understands."""
        self.client_key: str | None = None
        self.session: Session | None = None
        self.session_id = id
        """The conversation's id; the call's own when it belongs to none."""
        self.agent: str = MAIN_AGENT
        self.task: Task = "Main"
        self.rule: str = ""
        self.policy: str = ""
        self.shadow: str = ""
        """What a Shadow policy would have done; told in a response header."""
