"""One scripted provider and one sidecar with a fail-over route, both real processes, for the whole folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ccproxy_contract.events import UsageEvent
from ccproxy_contract.snapshot import Deny, Match, Rule, Snapshot, Target, Treatment, sealed
from tests.fakes.provider.process import RunningProvider, running_provider
from tests.fakes.sidecar import RunningSidecar, default_route, routing_rule, running_sidecar, scripted_backends
from tests.fakes.spooled import spooled_events

SETTLE_S = 5.0


@dataclass(frozen=True)
class Stand:
    """A sidecar in front of a provider, and the settled events of one call at a time."""

    url: str
    provider: RunningProvider
    sidecar: RunningSidecar

    def events_of(self, call: str) -> list[UsageEvent]:
        """The settled attempts of a call, in order, once all that were opened are settled."""
        deadline_s = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline_s:
            events = [e for e in spooled_events(self.sidecar.spool) if e.call == call]
            ended = sorted((e for e in events if e.kind == "settle"), key=lambda e: e.attempt)
            if len(ended) == sum(e.kind == "open" for e in events):
                return ended
            time.sleep(0.02)
        raise AssertionError("an attempt was opened and never settled")


def stand_snapshot(provider_url: str) -> Snapshot:
    """Rules for each way to be treated; models whose name starts with `over-` have a second target."""
    anthropic, openai = Target(backend="anthropic"), Target(backend="openai")
    rules = (
        Rule(name="denied", policy="test", mode="Enforce", match=Match(models=("denied-*",)),
             then=Treatment(deny=Deny(status=429, message="not today"))),
        Rule(name="watched", policy="test", mode="Shadow", match=Match(models=("watched-*",)),
             then=Treatment(deny=Deny(status=403, message="would be denied"))),
        Rule(name="broken", policy="test", mode="Enforce", match=Match(models=("broken-*",)),
             then=Treatment(), broken="backend ghost does not exist"),
        routing_rule("renamed", Match(models=("asked-*",)), Target(backend="anthropic", model="claude-haiku-5-5"),
                     Target(backend="openai", model="gpt-5.1-mini"), Target(backend="gemini", model="gemini-3-flash")),
        routing_rule("small", Match(clients=("small-*",)), Target(backend="openai", model="gpt-5.1-mini")),
        routing_rule("over", Match(models=("over-*",)), Target(backend="anthropic", model="first-choice"),
                     Target(backend="openai", model="first-choice"), Target(backend="anthropic", model="second-choice"),
                     Target(backend="openai", model="second-choice")),
        routing_rule("foreign", Match(models=("foreign-*",)), Target(backend="gemini")),
    )  # fmt: skip
    default = default_route(anthropic, openai, Target(backend="gemini"))
    return sealed(Snapshot(rules=rules, default=default, backends=scripted_backends(provider_url)))


@pytest.fixture(scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    home: Path = tmp_path_factory.mktemp("stand")
    slow = {"CCPROXY_PING_AFTER_MS": "300", "CCPROXY_IDLE_TIMEOUT_MS": "1500", "CCPROXY_MAX_BODY_BYTES": "2000000"}
    with running_provider() as provider, running_sidecar(stand_snapshot(provider.url), home, **slow) as sidecar:
        yield Stand(sidecar.url, provider, sidecar)


@pytest.fixture
def stand(_stand: Stand) -> Stand:
    """The folder's stand, with a provider that remembers nothing."""
    _stand.provider.reset()
    return _stand
