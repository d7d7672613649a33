"""Tells Alembic which connection and tables a migration of `state.db` works on."""

from alembic import context

from guardian_cluster.storage.state_tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters hardly anything in place; Alembic copies the table instead.
    transactional_ddl=True,  # True of SQLite too, because our transactions begin before the first statement.
)
with context.begin_transaction():
    context.run_migrations()
