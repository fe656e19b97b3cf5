"""Whether a configuration may take the place of what runs: never an older one by accident, an older one in the end.

Two replicas of the operator may be apart by a moment, so a slice made of older resourceVersions than those that run is
refused; but after a restore of the cluster's database all of them are older for good, so it is taken once it has been
offered for `REFUSE_OLDER_S`. Pure: sans I/O. Must not decode a configuration. Next: `config_offers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ccproxy_contract.stream import Slice

REFUSE_OLDER_S: Final = 300.0


class Running(msgspec.Struct, frozen=True):
    """What a client runs: nothing at first, or what it found in its last good file."""

    hash: str = ""
    versions: dict[str, str] = {}


class _Versioned(msgspec.Struct, rename="camel"):
    """The one field of a configuration that is read here."""

    resource_versions: dict[str, str] = {}


_versions = msgspec.json.Decoder(_Versioned)


def versions_of(content: bytes) -> dict[str, str]:
    """The resourceVersions in the bytes of a snapshot or of accounts. Raises `ValueError` when it is not JSON."""
    return _versions.decode(content).resource_versions


def older_kinds(offered: Mapping[str, str], running: Mapping[str, str]) -> list[str]:
    """Kinds of which `offered` has seen less than `running`; a kind that one of them lacks says nothing."""
    return sorted(
        kind
        for kind, version in offered.items()
        if version.isdecimal() and running.get(kind, "").isdecimal() and int(version) < int(running[kind])
    )


class Freshness:
    """Judges offers. `now_s` is a monotonic clock in seconds."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.refused = 0
        """Older offers that were refused."""
        self.taken_older = 0
        """Older offers that were taken, because nothing newer came."""
        self._older_since_s: float | None = None
        self._waiting: Slice | None = None

    def refuses(self, offer: Slice, now_s: float) -> str:
        """Why `offer` is not to be run now; empty: it may be. Raises `ValueError` for content that is not JSON."""
        kinds = older_kinds(versions_of(offer.content), self.running.versions)
        if not kinds or offer.hash == self.running.hash:
            return ""
        if self._older_since_s is None:
            self._older_since_s = now_s
        if now_s - self._older_since_s >= REFUSE_OLDER_S:
            return ""
        self._waiting = offer
        self.refused += 1
        return f"it is older than what runs ({', '.join(kinds)}); it is taken when nothing newer comes"

    def took(self, offer: Slice) -> None:
        """The client runs `offer` from now on."""
        versions = versions_of(offer.content)
        if older_kinds(versions, self.running.versions):
            if offer.hash == self.running.hash:
                versions = _newest(versions, self.running.versions)
            else:
                self.taken_older += 1
        self._settle(Running(offer.hash, versions))

    def confirmed(self, versions: Mapping[str, str]) -> None:
        """The operator says that what runs is the newest, and how new it is."""
        self._settle(Running(self.running.hash, _newest(versions, self.running.versions)))

    def waits_s(self, now_s: float) -> float | None:
        """Seconds until the refused offer has waited long enough; None when there is none."""
        if self._waiting is None or self._older_since_s is None:
            return None
        return max(0.0, self._older_since_s + REFUSE_OLDER_S - now_s)

    def due(self, now_s: float) -> Slice | None:
        """The refused offer, once it has waited long enough."""
        return self._waiting if self.waits_s(now_s) == 0.0 else None

    def disconnected(self) -> None:
        """Who made the offer is gone; the time for which older ones have come goes on."""
        self._waiting = None

    def _settle(self, running: Running) -> None:
        self.running = running
        self._waiting = None
        self._older_since_s = None


def _newest(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Per kind the greater of two versions; what is no number gives way."""
    merged = dict(other)
    for kind, version in one.items():
        known = merged.get(kind, "")
        if not known.isdecimal() or (version.isdecimal() and int(version) > int(known)):
            merged[kind] = version
    return merged
