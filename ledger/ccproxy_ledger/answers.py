"""What readers ask of the ledger, answered from the database: the same on a laptop and on a cluster.

Must not decide who may ask. Next: `usage_query.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from ccproxy_ledger.audit import audit_store
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.store import Store, StoreUnavailable
from ccproxy_ledger.store_usage import completeness, usage_sums
from ccproxy_ledger.usage import usage_answer
from ccproxy_ledger.usage_query import usage_query

Through = Callable[[Store, datetime], Awaitable[datetime]]
"""Store and now to the time up to which everything that was taken is in the database."""


async def usage(request: web.Request, keeper: Keeper, through: Through) -> web.Response:
    """`GET /usage`: sums of a time, by groups."""
    now, store = datetime.now(UTC), keeper.store
    if store is None:
        return problem(503, f"no figures yet: {keeper.problem}", retry_after_s=1)
    try:
        query = usage_query(request.query.items(), now)
        complete = await through(store, now)
        sums = await usage_sums(store, query)
        known = await completeness(store, query)
    except ValueError as wrong:
        return problem(400, str(wrong))
    except StoreUnavailable as fault:
        return problem(503, f"the database does not answer: {fault}", retry_after_s=1)
    if known.gapless_at is not None:
        complete = min(complete, known.gapless_at)
    return json(usage_answer(query, sums, known, complete_through=complete))


async def audit(keeper: Keeper) -> web.Response:
    """`GET /ccproxy/v1/audit`: every difference between the tables; none is the only right answer."""
    if keeper.store is None:
        return problem(503, keeper.problem, retry_after_s=1)
    try:
        return json({"differences": await audit_store(keeper.store)})
    except StoreUnavailable as fault:
        return problem(503, f"the database does not answer: {fault}", retry_after_s=1)


async def database_ready(keeper: Keeper) -> web.Response:
    """`GET /readyz` of a process that is of no use without its database; if it is away, why."""
    if keeper.problem or keeper.store is None:
        return problem(503, keeper.problem, retry_after_s=1)
    try:
        await keeper.store.ping()
    except StoreUnavailable as fault:
        return problem(503, f"the database does not answer: {fault}", retry_after_s=1)
    return json({"status": "ready"})


def json(answer: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def problem(status: int, sentence: str, *, retry_after_s: int = 0) -> web.Response:
    """An error as `{"error": sentence}`."""
    response = web.Response(
        status=status, body=msgspec.json.encode({"error": sentence}), content_type="application/json"
    )
    if retry_after_s:
        response.headers["retry-after"] = str(retry_after_s)
    return response
