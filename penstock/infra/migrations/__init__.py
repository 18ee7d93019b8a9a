"""Brings the database to the newest revision before the control plane is ready, after a copy of the SQLite file.

Alembic is imported only where there is something to do: a start with a current database does not pay for it.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config

logger = structlog.get_logger(__name__)
_SCRIPTS = Path(__file__).parent


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
    """Upgrade where the database is older than this release; returns whether it was. Blocking: call it in a thread."""
    make_private(url)
    engine = create_engine(synchronous_url(url), poolclass=pool.NullPool)
    try:
        found = _current(engine.connect())
        if found == newest_revision():
            return False
        copy_sqlite(url, found)
        with engine.begin() as connection:
            from alembic import command

            command.upgrade(configuration(connection), "head")
    finally:
        engine.dispose()
    logger.info("Database was upgraded.", before=found or "", after=newest_revision())
    return True


def _current(connection: Connection) -> str | None:
    """The revision of the database; None for an empty one."""
    with connection:
        try:
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        except DatabaseError:
            return None
        return found


def synchronous_url(url: str) -> str:
    """The same database by the driver that Alembic uses."""
    parsed = make_url(url)
    driver = parsed.drivername.replace("+aiosqlite", "")
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def make_private(url: str) -> None:
    """The file is its owner's alone, and so are the files that SQLite puts beside it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        file = Path(parsed.database)
        file.touch(mode=0o600)
        file.chmod(0o600)


def copy_sqlite(url: str, revision: str | None) -> Path | None:
    """Copy a file that exists and is older; made by SQLite itself, so that the copy holds what the WAL holds."""
    file = Path(make_url(url).database or "")
    if not revision or make_url(url).get_backend_name() != "sqlite" or not file.exists():
        return None
    target = file.with_name(f"{file.name}.before-{newest_revision()}")
    target.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target
