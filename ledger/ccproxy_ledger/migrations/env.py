"""Alembic's entry: writes the steps in `versions/` as SQL, which the caller runs in its own transaction."""

from alembic import context

context.configure(dialect_name="postgresql", transactional_ddl=False)
context.run_migrations()
