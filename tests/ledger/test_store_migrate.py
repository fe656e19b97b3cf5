"""Forward only, one at a time, and never over a newer schema."""

from __future__ import annotations

import asyncio

import pytest

from ccproxy_ledger.store import StoreRefused, StoreUnavailable, connect
from ccproxy_ledger.store_migrate import migrate, revisions, schema_version


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
