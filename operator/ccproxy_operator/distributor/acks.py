"""What the sidecars of one replica run, as replicas tell it each other; and how several such reports become one.

Pure. Must not hold configuration. Next: `progress.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ccproxy_operator.distributor.streams import Streams


class Acked(msgspec.Struct, frozen=True, array_like=True):
    """One stream. Short on the wire: two thousand of them travel each second while something changes."""

    uid: str
    acked: str
    """Hash that the client runs."""
    rejected: str
    """Hash that it refused last, and did not take since."""
    reason: str
    features: int
    """Index into the report's `features`."""
    at_ms: int
    """Unix milliseconds of the last acknowledgement or rejection."""
    build: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The streams of one replica, and of ledgers apart from sidecars."""

    replica: str
    version: int
    """Changes whenever anything else in the report does."""
    features: tuple[tuple[str, ...], ...] = ()
    sidecars: tuple[Acked, ...] = ()
    ledgers: tuple[Acked, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """The newest word of one client, of whichever replica."""

    acked: str
    rejected: str
    reason: str
    features: frozenset[str]
    at_ms: int
    build: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Report)


def report_of(replica: str, sidecars: Streams, ledgers: Streams) -> Report:
    """What this replica knows now."""
    index: dict[frozenset[str], int] = {}
    rows = [
        tuple(
            Acked(
                stream.key,
                stream.acked,
                stream.rejected,
                stream.reason,
                index.setdefault(stream.features, len(index)),
                stream.at_ms,
                stream.build,
            )
            for stream in streams
        )
        for streams in (sidecars, ledgers)
    ]
    return Report(
        replica=replica,
        version=sidecars.version + ledgers.version,
        features=tuple(tuple(sorted(features)) for features in index),
        sidecars=rows[0],
        ledgers=rows[1],
    )


def report_bytes(report: Report) -> bytes:
    """The report as JSON."""
    return _encoder.encode(report)


def report_from_bytes(raw: bytes) -> Report:
    """Raises `ValueError` for anything else."""
    return _decoder.decode(raw)


def merged(reports: Iterable[Report]) -> tuple[dict[str, Known], dict[str, Known]]:
    """Sidecars and ledgers by pod uid; of a pod that stands in several reports the newest word counts."""
    sidecars: dict[str, Known] = {}
    ledgers: dict[str, Known] = {}
    for report in reports:
        features = tuple(frozenset(names) for names in report.features)
        _merge(report.sidecars, features, sidecars)
        _merge(report.ledgers, features, ledgers)
    return sidecars, ledgers


def _merge(rows: Iterable[Acked], features: tuple[frozenset[str], ...], into: dict[str, Known]) -> None:
    for row in rows:
        known = into.get(row.uid)
        if known is None or _order(row) > (known.at_ms, known.acked):
            into[row.uid] = Known(
                row.acked, row.rejected, row.reason, _at(features, row.features), row.at_ms, row.build
            )


def _order(row: Acked) -> tuple[int, str]:
    """The newest first; among equals any, but the same for every order of reports."""
    return (row.at_ms, row.acked)


def _at(features: tuple[frozenset[str], ...], index: int) -> frozenset[str]:
    return features[index] if 0 <= index < len(features) else frozenset()


Words = Mapping[str, Known]
