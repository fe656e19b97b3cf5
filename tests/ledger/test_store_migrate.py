"""Forward only, one at a time, and never over a newer schema."""

from __future__ import annotations

import asyncio
from io import StringIO

import pytest
from alembic import command
from alembic.config import Config

from ccproxy_ledger.rows import moment
from ccproxy_ledger.store import StoreRefused, StoreUnavailable, connect, open_store
from ccproxy_ledger.store_commit import commit
from ccproxy_ledger.store_migrate import MIGRATIONS, migrate, revisions, schema_version
from ccproxy_ledger.store_usage import usage_sums
from ccproxy_ledger.usage_query import UsageQuery
from tests.ledger.sending import BOOKS, life, new_src, received


async def test_an_empty_database_gets_the_newest_schema_once(empty_database: str) -> None:
    versions = await asyncio.gather(migrate(empty_database), migrate(empty_database), migrate(empty_database))
    assert set(versions) == {revisions()[-1]}
    connection = await connect(empty_database)
    assert await schema_version(connection) == revisions()[-1]
    assert await connection.fetchval("select count(*) from usage_event") == 0
    await connection.close()


async def test_a_newer_schema_is_refused_with_advice(database: str) -> None:
    connection = await connect(database)
    await connection.execute("update alembic_version set version_num = '9999'")
    await connection.close()
    with pytest.raises(StoreRefused, match=r"schema 9999, this ccproxy knows up to .*: install the newer ccproxy"):
        await migrate(database)


async def test_a_database_that_is_not_there_is_unavailable_not_refused(database: str) -> None:
    with pytest.raises(StoreUnavailable):
        await migrate(database.replace("/run", "/nowhere"))


async def test_figures_of_a_laptop_of_the_first_schema_stay_as_they_are(empty_database: str) -> None:
    connection = await connect(empty_database)
    await connection.execute(script("0001"))
    await connection.execute(FIRST_ROWS)
    await connection.close()
    await migrate(empty_database)
    store = await open_store(empty_database)
    await commit(store, [received(life(new_src(), 3))], BOOKS)
    sums = await usage_sums(
        store, UsageQuery(since=moment(0), until=moment(4_102_444_800_000), group_by=("namespace",))
    )
    assert {one.keys["namespace"]: one.counts["calls"] for one in sums if one.counts["calls"] == 7} == {"": 7}
    assert sum(one.counts["calls"] for one in sums) == 10
    await store.close()


def script(version: str) -> str:
    """The SQL that makes an empty database one of `version`."""
    wanted = StringIO()
    configuration = Config(output_buffer=wanted)
    configuration.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(configuration, version, sql=True)
    return wanted.getvalue()


FIRST_ROWS = """
insert into rollup_hour values ('local', '2026-11-21T09:00:00Z', 'laptop', 'main', 'a', 'm', 'r', 'calibrated',
    7, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0);
insert into source values (gen_random_uuid(), 'local', '{[1,9)}', null, 0, 0, now(), now(), now());
"""
