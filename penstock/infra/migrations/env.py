"""What Alembic runs: the migrations of this folder on the connection that it was given."""

from alembic import context

from penstock.infra.db import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place; a batch copies the table instead, on every database the same way.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
