"""What people shall read, as Kubernetes Events: which are written, and how they look.

Anybody may call the webhook, not the API server alone: what could be no owner of a pod is not written about.
Pure. The same about the same owner is written once in a while only, as a Deployment's pods are all alike.
Next: `event_writer.py`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final

from ccproxy_operator.injector.review import Note

REPEAT_S: Final = 600.0
MAX_REMEMBERED: Final = 4096
MAX_MESSAGE_CHARS: Final = 1000
"""Kubernetes takes 1,024."""
REPORTER: Final = "ccproxy-injector"
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_VERSION: Final = re.compile(r"([a-z0-9.-]{1,253}/)?[a-z0-9]{1,63}")


def tellable(note: Note) -> bool:
    """Can there be such an owner in such a namespace?"""
    about = note.about
    named = _NAME.fullmatch(about.name) and _KIND.fullmatch(about.kind) and _VERSION.fullmatch(about.api_version)
    return bool(_NAMESPACE.fullmatch(note.namespace) and named)


class Heard:
    """Remembers what was told lately."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()

    def is_news(self, note: Note, now_s: float) -> bool:
        """Was this not told in the last ten minutes? It counts as told then."""
        key = (note.namespace, note.about.kind, note.about.uid or note.about.name, note.reason)
        last_s = self._last.get(key)
        if last_s is not None and 0 <= now_s - last_s < REPEAT_S:
            return False
        self._last[key] = now_s
        self._last.move_to_end(key)
        if len(self._last) > MAX_REMEMBERED:
            self._last.popitem(last=False)
        return True


def event(note: Note, *, now_s: float, instance: str) -> dict[str, Any]:
    """A core/v1 Event; `now_s` Unix seconds, `instance` the injector's pod."""
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = note.about
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{about.name[:50].rstrip('.-')}.ccproxy-", "namespace": note.namespace},
        "involvedObject": {"apiVersion": about.api_version, "kind": about.kind, "namespace": note.namespace,
                           "name": about.name, **({"uid": about.uid} if about.uid else {})},
        "type": "Warning" if note.warning else "Normal",
        "reason": note.reason,
        "message": _plain(note.message[:MAX_MESSAGE_CHARS]),
        "action": "Inject",
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "reportingInstance": instance,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }  # fmt: skip


def _plain(message: str) -> str:
    """A pod's names are not looked at before its webhooks are called: nothing that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in message)
