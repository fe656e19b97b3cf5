"""Counters, gauges and histograms of one process, and their Prometheus text. A child is looked up once and kept.

At most `MAX_SERIES` series as Prometheus counts them: past that, new label values share one child of their family whose
labels say `other`. Must not be fed from several threads. Next: `exposition.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ccproxy_runtime.exposition import Kind, head, label_pairs, number_text, sample, scaled_text

MAX_SERIES = 300
OTHER = "other"
DROPPED = "ccproxy_metrics_series_dropped_total"
LLM_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Histogram bounds in seconds: from what a proxy adds to what a long answer takes."""


class Counter:
    """A number that only grows."""

    __slots__ = ("scale", "value")

    def __init__(self, scale: int = 1) -> None:
        self.value: int | float = 0
        self.scale = scale

    def inc(self, by: int | float = 1) -> None:
        """Add `by`, never below zero (not checked: this is the hot path)."""
        self.value += by

    def text(self, name: str, pairs: str) -> str:
        """This series as one line of exposition text."""
        return sample(name, pairs, scaled_text(self.value, self.scale))


class Gauge:
    """A number that goes up and down."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: int | float = 0

    def set(self, value: int | float) -> None:
        """Replace the value."""
        self.value = value

    def inc(self, by: int | float = 1) -> None:
        """Add `by`, which may be negative."""
        self.value += by

    def text(self, name: str, pairs: str) -> str:
        """This series as one line of exposition text."""
        return sample(name, pairs, number_text(self.value))


class Histogram:
    """How often a value fell into each bucket, and the sum of all values."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = LLM_SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one `value`, in the unit that the histogram's name says."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def text(self, name: str, pairs: str) -> str:
        """This histogram's lines of exposition text: buckets, sum, count."""
        lines, seen = [], 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            below = f'le="{number_text(bound)}"'
            lines.append(sample(f"{name}_bucket", f"{pairs},{below}" if pairs else below, str(seen)))
        lines.append(sample(f"{name}_sum", pairs, number_text(self.sum)))
        lines.append(sample(f"{name}_count", pairs, str(seen)))
        return "".join(lines)


class Instrument(Protocol):
    """One series, or the few of one histogram."""

    def text(self, name: str, pairs: str) -> str:
        """The exposition lines."""
        ...


C = TypeVar("C", bound=Instrument)


class Shown(Protocol):
    """What stands under one name in the exposition."""

    def text(self, name: str) -> str:
        """The exposition lines."""
        ...


class Room:
    """How many series a process may still add; `dropped` counts look-ups that found none left."""

    def __init__(self, series: int) -> None:
        self.left = series
        self.dropped = Counter()

    def take(self, series: int) -> bool:
        """Use up `series`; False when fewer are left."""
        if series > self.left:
            return False
        self.left -= series
        return True


class Family(Generic[C]):
    """All series of one name: one child for each combination of label values."""

    def __init__(self, *, labels: tuple[str, ...], make: Callable[[], C], weight: int, room: Room) -> None:
        self.labels = labels
        self.children: dict[tuple[str, ...], C] = {}
        self._make = make
        self._weight = weight
        self._room = room
        room.take(weight)  # of the one child that always fits: the unlabelled one, or `other`

    def child(self, *values: str) -> C:
        """The series with these label values, in the order of the labels. Raises: `ValueError` for a wrong number."""
        found = self.children.get(values)
        return found if found is not None else self._new(values)

    def _new(self, values: tuple[str, ...]) -> C:
        if len(values) != len(self.labels):
            raise ValueError(f"this family has the labels {self.labels}, not {len(values)} of them")
        others = (OTHER,) * len(values)
        if values != others and not self._room.take(self._weight):
            self._room.dropped.inc()
            return self.child(*others)
        made = self.children[values] = self._make()
        return made

    def text(self, name: str) -> str:
        """All children as exposition text."""
        return "".join(child.text(name, label_pairs(self.labels, values)) for values, child in self.children.items())


class Reading:
    """A number that somebody else keeps, read when it is asked for."""

    def __init__(self, read: Callable[[], int | float]) -> None:
        self._read = read

    def text(self, name: str) -> str:
        """The present value as exposition text."""
        return sample(name, "", number_text(self._read()))


class Registry:
    """Every metric of one process."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._room = Room(max_series)
        self._families: dict[str, tuple[str, Shown]] = {}
        self.counter_fn(DROPPED, "Look-ups of a series past the limit, counted as `other`.", self._dropped)

    def counter(self, name: str, help: str, labels: tuple[str, ...] = (), *, scale: int = 1) -> Family[Counter]:
        """Add a counter family; its integers are shown divided by `scale`, a power of ten.

        Raises: `ValueError` for a name that is taken or another scale.
        """
        if not str(scale).strip("0") == "1":
            raise ValueError(f"{name}: scale {scale} is no power of ten")
        family = Family(labels=labels, make=lambda: Counter(scale), weight=1, room=self._room)
        self._add(name, family, kind="counter", help=help)
        return family

    def gauge(self, name: str, help: str, labels: tuple[str, ...] = ()) -> Family[Gauge]:
        """Add a gauge family. Raises: `ValueError` for a name that is taken."""
        family = Family(labels=labels, make=Gauge, weight=1, room=self._room)
        self._add(name, family, kind="gauge", help=help)
        return family

    def histogram(
        self, name: str, help: str, labels: tuple[str, ...] = (), *, bounds: tuple[float, ...] = LLM_SECONDS
    ) -> Family[Histogram]:
        """Add a histogram family; `bounds` rise, in the name's unit. Raises: `ValueError` for a name that is taken."""
        family = Family(labels=labels, make=lambda: Histogram(bounds), weight=len(bounds) + 3, room=self._room)
        self._add(name, family, kind="histogram", help=help)
        return family

    def gauge_fn(self, name: str, help: str, read: Callable[[], int | float]) -> None:
        """Add a gauge whose value is what `read` answers at each scrape. Raises: `ValueError` for a name taken."""
        self._room.take(1)
        self._add(name, Reading(read), kind="gauge", help=help)

    def counter_fn(self, name: str, help: str, read: Callable[[], int | float]) -> None:
        """Add a counter that somebody else keeps and `read` answers. Raises: `ValueError` for a name that is taken."""
        self._room.take(1)
        self._add(name, Reading(read), kind="counter", help=help)

    def render(self) -> bytes:
        """Everything as Prometheus text (content type: `exposition.CONTENT_TYPE`)."""
        return "".join(top + family.text(name) for name, (top, family) in self._families.items()).encode()

    def _add(self, name: str, family: Shown, *, kind: Kind, help: str) -> None:
        if name in self._families:
            raise ValueError(f"two metrics are called {name}")
        self._families[name] = (head(name, kind, help), family)

    def _dropped(self) -> int | float:
        return self._room.dropped.value
