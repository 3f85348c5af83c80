"""Runs migrations on the connection that landlab_mgr.catalog.session.migrating hands over.

To write the next one, after changing catalog/tables.py:

    from alembic import command
    from landlab_mgr.catalog.session import migrating
    with migrating("scratch.db") as config:  # a catalog at the current head
        command.revision(config, "what changes", autogenerate=True, rev_id="0002")

and set REVISION in catalog/tables.py to its name.
"""

from alembic import context
from sqlalchemy import TypeDecorator

from landlab_mgr.catalog.session import VERSION_TABLE
from landlab_mgr.catalog.tables import Base


def is_ours(name, kind, parents):
    """Leave out the tables of others, such as Optuna's, that share the database."""
    return kind != "table" or name in Base.metadata.tables


def plain_type(kind, item, autogen_context):
    """Write column types as SQL has them: a migration must not change when our own types do."""
    return f"sa.{item.impl!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    render_item=plain_type,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
)
with context.begin_transaction():
    context.run_migrations()
