"""What a sidecar has written into its spool, as events. Must not take anything out of it."""

from __future__ import annotations

from pathlib import Path

from ccproxy_contract.events import UsageEvent, decode_event
from ccproxy_runtime.spool_reader import Record, read_from
from ccproxy_runtime.spool_source import Position, segments, sources


def spooled_events(directory: Path) -> list[UsageEvent]:
    """All events of all sources, in the order of writing within each source."""
    events = []
    for src in sources(directory):
        found = segments(directory, src)
        start = Position(found[0], 0) if found else Position(0, 0)
        events += [decode_event(r.payload) for r in read_from(directory, src, start) if isinstance(r, Record)]
    return events


def settled(directory: Path) -> list[UsageEvent]:
    """The `settle` events alone."""
    return [event for event in spooled_events(directory) if event.kind == "settle"]
