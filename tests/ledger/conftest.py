"""One real Postgres for the session, a database without rows for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.store import Store, connect, open_store
from ccproxy_ledger.store_migrate import migrate

TEMPLATE = "ledger_template"
SHARED = "ledger_shared"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running cluster; its loop is kept so that its process can be waited for at the end."""
    with asyncio.Runner() as runner:
        cluster = EmbeddedPostgres(tmp_path_factory.mktemp("pg"))
        runner.run(cluster.start())
        runner.run(_template(cluster))
        yield cluster
        if cluster.pid is not None:
            os.kill(cluster.pid, signal.SIGQUIT)  # nothing in it is worth a checkpoint
        runner.run(cluster.stop())


async def _template(cluster: EmbeddedPostgres) -> None:
    await create_database(cluster, TEMPLATE)
    await migrate(url_of(cluster, TEMPLATE))
    await create_database(cluster, SHARED, TEMPLATE)


def url_of(cluster: EmbeddedPostgres, database: str) -> str:
    return cluster.url.replace("/postgres?", f"/{database}?")


async def create_database(cluster: EmbeddedPostgres, name: str, template: str = "template1") -> None:
    connection = await connect(cluster.url)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> str:
    """URL of a database without any table."""
    name = f"test_{next(_numbers)}"
    await create_database(postgres, name)
    return url_of(postgres, name)


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> str:
    """URL of a migrated database without rows."""
    name = f"test_{next(_numbers)}"
    await create_database(postgres, name, TEMPLATE)
    return url_of(postgres, name)


@pytest.fixture
async def store(postgres: EmbeddedPostgres) -> AsyncIterator[Store]:
    """A pool on a migrated database without rows (one database, emptied: making one costs a checkpoint)."""
    opened = await open_store(url_of(postgres, SHARED))
    async with opened.connection() as connection:
        names = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        tables = ", ".join(one[0] for one in names if one[0] != "alembic_version")
        await connection.execute(f"truncate {tables}")
    yield opened
    await opened.close()


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder
