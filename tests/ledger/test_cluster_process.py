"""Collectors and books as processes: who may send, who may read, and what a start, a stop and an outage change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ccproxy_contract.accounts import accounts_bytes
from ccproxy_contract.names import AUDIENCE_COMPRESSOR, AUDIENCE_CONFIG
from ccproxy_contract.stream import Ack, Reject
from ccproxy_ledger.audit import audit
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_runtime.metrics import Registry
from tests.ledger.cluster import Client, House, accounts, house
from tests.ledger.sending import life, new_src
from tests.waiting import until

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
        claiming = [msgspec.structs.replace(event, namespace="team-b", tenant="globex") for event in life(new_src(), 2)]
        await client.deliver(collector, claiming, here.header(namespace))
    answer = await client.until_calls(books, 6, group_by="tenant,namespace")
    found = [(group["tenant"], group["namespace"], group["calls"]) for group in answer["groups"]]
    assert found == [("acme", "team-a", 2), ("globex", "team-b", 2), ("none", "nobodys", 2)]
    assert "\nccproxy_ledger_foreign_claims_total 8\n" in await client.text(f"{collector.ops}/metrics")
    assert await audit(here.database) == []


async def test_only_a_pods_token_for_the_ledger_may_send(cluster: Cluster) -> None:
    here, client = cluster
    collector = here.process("collector", "ledger-0").start()
    await client.until_ready(collector)
    events = life(new_src(), 1)
    for audience in (AUDIENCE_CONFIG, AUDIENCE_COMPRESSOR):
        status, body = await client.post(collector, events, here.header(audience=audience))
        assert (status, b"(audience)" in body) == (401, True)
    assert (await client.post(collector, events, {}))[0] == 401
    status, body = await client.post(collector, events, here.header(pod=""))
    assert (status, b"bound to none" in body) == (403, True)
    refused = await client.text(f"{collector.ops}/metrics")
    assert 'ccproxy_ledger_callers_refused_total{reason="audience"} 2' in refused
    assert 'ccproxy_ledger_callers_refused_total{reason="no_pod"} 1' in refused
    assert here.header()["authorization"][-40:] not in collector.log


async def test_only_the_system_namespace_may_read_and_only_from_the_books(cluster: Cluster) -> None:
    here, client = cluster
    collector, books = here.process("collector", "ledger-0").start(), here.process("books", "books-0").start()
    await client.until_ready(collector, books)
    for path in ("/usage", "/ccproxy/v1/audit"):
        assert (await client.get(books.url + path, headers=here.reader))[0] == 200
        status, answer = await client.get(books.url + path, headers=here.header("team-a"))
        assert (status, "only ServiceAccounts of namespace ccproxy-system" in answer["error"]) == (403, True)
        assert (await client.get(books.url + path))[0] == 401
        for url in (collector.url, collector.ops, books.ops):
            assert "404" in await client.text(url + path)
    for path in ("/metrics", "/healthz"):
        assert "404" in await client.text(books.url + path)
        assert "404" not in await client.text(books.ops + path)


async def test_a_collector_that_starts_without_an_operator_goes_by_the_last_accounts(cluster: Cluster) -> None:
    here, client = cluster
    first = here.process("collector", "ledger-0").start()
    await client.until_ready(first)
    await client.deliver(first, life(new_src(), 1), here.header())
    assert first.stop() == 0
    alone = here.process("collector", "ledger-1", CCPROXY_OPERATOR_URL="wss://localhost:9").start()
    books = here.process("books", "books-0").start()
    await client.until_ready(alone, books)
    await client.deliver(alone, life(new_src(), 1), here.header())
    (group,) = (await client.until_calls(books, 2, group_by="tenant"))["groups"]
    assert (group["tenant"], group["calls"]) == ("acme", 2)


async def test_before_any_accounts_nobody_is_billed_to_nobody(cluster: Cluster) -> None:
    here, client = cluster
    alone = here.process("collector", "ledger-0", CCPROXY_OPERATOR_URL="wss://localhost:9").start()
    await until((alone.volume / "issuer.json").exists)
    status, body = await client.post(alone, life(new_src(), 1), here.header())
    assert (status, b"accounts are not known yet" in body) == (503, True)
    status, answer = await client.get(f"{alone.ops}/readyz")
    assert (status, answer["error"]) == (503, "the accounts are not known yet")


async def test_accounts_that_were_cut_are_rejected_and_new_ones_hold_at_once(cluster: Cluster) -> None:
    here, client = cluster
    collector, books = here.process("collector", "ledger-0").start(), here.process("books", "books-0").start()
    await client.until_ready(collector, books)
    new = accounts(team_a="initech")
    await here.operator.publish(new, content=accounts_bytes(new).replace(b"initech", b"initecs"))
    await here.operator.publish(new)
    await until(lambda: any(isinstance(said, Ack) and said.hash == new.hash for said in here.operator.answers))
    (rejected,) = [answer for answer in here.operator.answers if isinstance(answer, Reject)]
    assert "hash does not fit" in rejected.reason
    await client.deliver(collector, life(new_src(), 1), here.header())
    (group,) = (await client.until_calls(books, 1, group_by="tenant"))["groups"]
    assert group["tenant"] == "initech"


async def test_a_collector_takes_events_before_its_database_is_there(cluster: Cluster, tmp_path: Path) -> None:
    here, client = cluster
    url = tmp_path / "database-url"
    later = {"CCPROXY_DATABASE_URL": "", "CCPROXY_DATABASE_URL_FILE": str(url)}
    collector, books = here.process("collector", "ledger-0", **later).start(), here.process("books", "b", **later)
    await client.until_ready(collector)
    events = life(new_src(), 5)
    await client.deliver(collector, events[:4], here.header())
    collector.kill()
    collector.start()
    await client.until_ready(collector)
    await client.deliver(collector, events[4:], here.header())
    url.write_text(here.database + "\n")
    books.start()
    await client.until_ready(books)
    assert (await client.until_calls(books, 5))["missing_events"] == 0
    assert await audit(here.database) == []


async def test_a_new_database_url_is_taken_without_a_restart(cluster: Cluster, tmp_path: Path) -> None:
    here, client = cluster
    url = tmp_path / "database-url"
    url.write_text(here.database)
    books = here.process("books", "b", CCPROXY_DATABASE_URL="", CCPROXY_DATABASE_URL_FILE=str(url)).start()
    await client.until_ready(books)
    url.write_text(here.database.replace("?", "?application_name=renewed&"))
    await until(lambda: "database_url_renewed" in books.log)
    assert (await client.usage(books))["total"]["calls"] == 0
    assert here.database not in books.log


async def test_nobody_names_a_postgres_of_its_own_so_no_new_url_is_looked_for(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError("asked for the URL of a database that is the ledger's own")

    keeper = Keeper(url=never, embedded=EmbeddedPostgres(tmp_path), metrics=LedgerMetrics(Registry()))
    await keeper.follow_url(poll_s=0)


async def test_one_pod_does_both_with_a_postgres_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    here, client = cluster
    own = {"CCPROXY_DATABASE_URL": "", "CCPROXY_PGDATA": str(tmp_path / "pg")}
    both = here.process("both", "ledger-0", **own).start()
    await client.until_ready(both)
    await client.deliver(both, life(new_src(), 3), here.header("team-b"))
    assert both.stop() == 0
    both.start()
    await client.until_ready(both)
    await until(lambda: "database_ready" in both.log.rpartition('"serving"')[2])
    (group,) = (await client.until_calls(both, 3, group_by="namespace"))["groups"]
    assert group["namespace"] == "team-b"
    assert (await client.get(f"{both.url}/ccproxy/v1/audit", headers=here.reader)) == (200, {"differences": []})


async def test_with_the_api_server_away_the_last_good_keys_verify(cluster: Cluster) -> None:
    here, client = cluster
    collector = here.process("collector", "ledger-0").start()
    await client.until_ready(collector)
    collector.kill()
    here.api.down = True
    assert json.loads((collector.volume / "issuer.json").read_text())["issuer"] == here.api.issuer
    collector.start()
    await client.until_ready(collector)
    await client.deliver(collector, life(new_src(), 1), here.header())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"CCPROXY_LEDGER_ROLE": "cook"}, "CCPROXY_LEDGER_ROLE='cook' is none of collector, books, both"),
        ({"CCPROXY_NAMESPACE": ""}, "CCPROXY_NAMESPACE is not set; the chart sets it"),
        ({"CCPROXY_DATABASE_URL": ""}, "set one of CCPROXY_DATABASE_URL_FILE"),
        ({"CCPROXY_DATABASE_URL": "", "CCPROXY_PGDATA": "/x"}, "CCPROXY_PGDATA goes with CCPROXY_LEDGER_ROLE=both"),
        ({"CCPROXY_DATABASE_URL": "mysql://u:p4ssw0rd@h"}, "CCPROXY_DATABASE_URL must start with postgresql://"),
        ({"CCPROXY_LEDGER_PORT": "https"}, "CCPROXY_LEDGER_PORT='https' is not a whole number"),
        ({"CCPROXY_TLS": "/nowhere"}, "No such file or directory"),
    ],
)
async def test_a_wrong_setting_ends_the_start_with_a_sentence(
    cluster: Cluster, changed: dict[str, str], sentence: str
) -> None:
    here, _ = cluster
    wrong = here.process("collector", "ledger-0", **changed).start()
    assert wrong.wait() == 1
    assert sentence in wrong.log
    assert "p4ssw0rd" not in wrong.log
