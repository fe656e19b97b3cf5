"""Collectors and books as processes: who may send, who may read, and nothing lost or doubled between two collectors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccproxy_contract.names import AUDIENCE_COMPRESSOR, AUDIENCE_CONFIG
from ccproxy_ledger.audit import audit
from tests.ledger.cluster import Client, House, house
from tests.ledger.sending import life, new_src

Cluster = tuple[House, Client]


@pytest.fixture
async def cluster(tmp_path: Path, database: str) -> AsyncIterator[Cluster]:
    async with house(tmp_path, database) as built:
        yield built


async def test_the_tenant_is_the_namespaces_and_the_namespace_is_the_tokens(cluster: Cluster) -> None:
    here, client = cluster
    collector, books = here.process("collector", "ledger-0").start(), here.process("books", "books-0").start()
    await client.until_ready(collector, books)
    for namespace in ("team-a", "team-b", "nobodys"):
        await client.deliver(collector, life(new_src(), 2), here.header(namespace))
    answer = await client.until_calls(books, 6, group_by="tenant,namespace")
    found = [(group["tenant"], group["namespace"], group["calls"]) for group in answer["groups"]]
    assert found == [("acme", "team-a", 2), ("globex", "team-b", 2), ("none", "nobodys", 2)]
    assert await audit(here.database) == []


async def test_a_token_for_another_audience_is_nobody_here(cluster: Cluster) -> None:
    here, client = cluster
    collector = here.process("collector", "ledger-0").start()
    await client.until_ready(collector)
    events = life(new_src(), 1)
    for audience in (AUDIENCE_CONFIG, AUDIENCE_COMPRESSOR):
        status, body = await client.post(collector, events, here.header(audience=audience))
        assert (status, b"(audience)" in body) == (401, True)
    assert (await client.post(collector, events, {}))[0] == 401
    assert (await client.post(collector, events, here.header(pod="")))[0] == 403
