"""Databases as each revision of the schema left them, as SQL; `python -m tests.catalog.stored` writes the newest.

Run it once, when a revision is new: what is stored is never written again.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def path(revision, engine):
    return FOLDER / f"{revision}.{engine}.sql"


def load(connection, revision):
    """Execute a stored database on an empty one."""
    text = path(revision, connection.dialect.name).read_text()
    if connection.dialect.name == "sqlite":
        connection.connection.executescript(text)
    else:
        connection.connection.cursor().execute(text)
