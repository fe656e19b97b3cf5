"""The first tables: event identities, settled attempts, open attempts, hourly sums, sources, price books."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table price_book (
    version text primary key,
    content bytea not null,
    added_at timestamptz not null default now()
);

create table source (
    src uuid primary key,
    tenant text not null,
    received int8multirange not null,
    closed_seq bigint,
    given_up bigint not null default 0,
    conflicts bigint not null default 0,
    gapless_at timestamptz,
    first_seen timestamptz not null,
    last_seen timestamptz not null
);

create table event_key (event_id uuid primary key);

create table usage_event (
    event_id uuid primary key,
    src uuid not null,
    seq bigint not null,
    kind text not null,
    call text not null,
    attempt integer not null,
    tenant text not null,
    namespace text not null,
    workload text not null,
    session text not null,
    agent text not null,
    task text not null,
    rule text not null,
    policy text not null,
    backend text not null,
    provider text not null,
    dialect text not null,
    operation text not null,
    stream boolean not null,
    model text not null,
    model_requested text not null,
    model_served text not null,
    service_tier text not null,
    region text not null,
    status text not null,
    http_status integer not null,
    error text not null,
    quality text not null,
    opened_at timestamptz not null,
    ended_at timestamptz not null,
    received_at timestamptz not null,
    skewed boolean not null,
    duration_us bigint not null,
    first_byte_us bigint,
    uncached bigint not null,
    cache_read bigint not null,
    cache_write_5m bigint not null,
    cache_write_30m bigint not null,
    cache_write_1h bigint not null,
    cache_write_12h bigint not null,
    output bigint not null,
    reasoning bigint not null,
    web_searches bigint not null,
    input_before bigint not null,
    price_keys text not null,
    base_price_keys text not null,
    book text not null,
    priced_by text not null,
    cost_pusd bigint,
    base_cost_pusd bigint,
    snapshot text not null,
    raw_usage text not null,
    key_hash text not null
);
create unique index usage_event_settled on usage_event (tenant, call, attempt) where kind = 'settle';
create index usage_event_ended on usage_event using brin (ended_at) with (autosummarize = on);

create table open_attempt (
    tenant text not null,
    call text not null,
    attempt integer not null,
    src uuid not null,
    opened_at timestamptz not null,
    workload text not null,
    backend text not null,
    model text not null,
    primary key (tenant, call, attempt)
);

create table rollup_hour (
    tenant text not null,
    hour timestamptz not null,
    workload text not null,
    agent text not null,
    backend text not null,
    model text not null,
    rule text not null,
    quality text not null,
    calls bigint not null,
    attempts bigint not null,
    uncached bigint not null,
    cache_read bigint not null,
    cache_write_5m bigint not null,
    cache_write_30m bigint not null,
    cache_write_1h bigint not null,
    cache_write_12h bigint not null,
    output bigint not null,
    reasoning bigint not null,
    web_searches bigint not null,
    input_before bigint not null,
    cost_pusd numeric not null,
    base_cost_pusd numeric not null,
    savings_pusd numeric not null,
    unpriced bigint not null,
    base_unpriced bigint not null,
    uncompared bigint not null,
    primary key (tenant, hour, workload, agent, backend, model, rule, quality)
);
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
