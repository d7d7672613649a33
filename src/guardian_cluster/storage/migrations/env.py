"""Tells Alembic which connection and tables a migration works on."""

from alembic import context

from guardian_cluster.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters hardly anything in place; Alembic copies the table instead.
    transactional_ddl=True,  # True of SQLite too, because our transactions begin before the first statement.
)
with context.begin_transaction():
    context.run_migrations()
