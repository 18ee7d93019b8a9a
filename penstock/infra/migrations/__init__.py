"""Brings the database to the newest revision before the control plane is ready, after a copy of what is there.

The copy of SQLite is a file beside it; that of Postgres is a schema of the same database, made in the transaction that
upgrades. Alembic is imported only where there is something to do: a start with a current database does not pay for it.

Errors:
    UpgradeRefused    the database cannot be brought to this release; the message says what to do
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import create_engine, inspect, pool, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ProgrammingError

from penstock.infra.db.dialects import is_postgres, synchronous_url, wait_in_line

if TYPE_CHECKING:
    from alembic.config import Config

logger = structlog.get_logger(__name__)
_SCRIPTS = Path(__file__).parent


class UpgradeRefused(Exception):  # noqa: N818 - the consequence is in the name
    """The database stays as it is."""


def configuration(connection: Connection) -> "Config":
    """Alembic's configuration without a file: the scripts beside this module, on a connection that is given."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revisions() -> list[str]:
    """Oldest first: a revision's script begins with its number, which new_migration gives."""
    return sorted(script.name.split("_")[0] for script in (_SCRIPTS / "versions").glob("[0-9]*.py"))


def newest_revision() -> str:
    return revisions()[-1] if revisions() else ""


def upgrade(url: str) -> bool:
    """Upgrade where the database is older than this release; returns whether it was. Blocking: call it in a thread.

    Raises UpgradeRefused. Of several processes that start at once on one Postgres, one upgrades and the others wait.
    """
    parsed = synchronous_url(url)
    make_private(parsed)
    engine = create_engine(parsed, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            if _current(connection) == newest_revision():
                return False
        with engine.begin() as connection:
            wait_in_line(connection)
            return _upgrade(parsed, connection)
    finally:
        engine.dispose()


def _upgrade(url: URL, connection: Connection) -> bool:
    from alembic import command

    found = _current(connection)
    if found == newest_revision():
        return False
    if found:
        _refuse_newer(found)
        copy_schema(connection) if is_postgres(url) else copy_file(url)
    command.upgrade(configuration(connection), "head")
    logger.info("Database was upgraded.", before=found or "", after=newest_revision())
    return True


def _current(connection: Connection) -> str | None:
    """The revision of the database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _refuse_newer(found: str) -> None:
    if found > newest_revision():
        raise UpgradeRefused(
            f"the database is of a newer release (revision {found}; this one knows {newest_revision()}): "
            f"start that release, or go back to the copy before-{found}"
        )


def make_private(url: URL) -> None:
    """The file is its owner's alone, and so are the files that SQLite puts beside it."""
    if not is_postgres(url) and url.database:
        file = Path(url.database)
        file.touch(mode=0o600)
        file.chmod(0o600)


def copy_file(url: URL) -> Path:
    """Made by SQLite itself, so that the copy holds what the WAL holds."""
    file = Path(url.database or "")
    target = file.with_name(f"{file.name}.before-{newest_revision()}")
    target.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def copy_schema(connection: Connection) -> str:
    """Every table with its rows, in a schema of its own; indexes and keys are the release's to make again."""
    schema = f"before_{newest_revision()}"
    quote = connection.dialect.identifier_preparer.quote
    try:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {quote(schema)} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {quote(schema)}"))
    except ProgrammingError as error:
        raise UpgradeRefused(
            f"the tables cannot be copied before they are upgraded: {error.orig}. Let the user make schemas "
            "(GRANT CREATE ON DATABASE …); the copy may be dropped afterwards"
        ) from error
    for table in inspect(connection).get_table_names():
        connection.execute(text(f"CREATE TABLE {quote(schema)}.{quote(table)} AS TABLE {quote(table)}"))
    return schema
