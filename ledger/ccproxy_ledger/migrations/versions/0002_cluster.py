"""What a cluster adds: namespaces in the sums and sources, the last accounts, how far each collector is."""

from alembic import op

revision = "0002"
down_revision = "0001"

STEPS = """
alter table rollup_hour add column namespace text not null default '';
alter table rollup_hour drop constraint rollup_hour_pkey;
alter table rollup_hour
    add primary key (tenant, hour, namespace, workload, agent, backend, model, rule, quality);

alter table source add column namespace text not null default '';
alter table source add column pod text not null default '';

create table accounts (
    singleton boolean primary key default true check (singleton),
    hash text not null,
    content bytea not null,
    taken_at timestamptz not null default now()
);

create table collector (
    name text primary key,
    complete_through timestamptz not null,
    seen_at timestamptz not null
);
"""


def upgrade() -> None:
    for statement in STEPS.split(";"):
        if statement.strip():
            op.execute(statement)
