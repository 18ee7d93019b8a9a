"""Brings the database to the newest revision before the control plane is ready, after a copy of the SQLite file."""

import sqlite3
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import Connection, make_url

logger = structlog.get_logger(__name__)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration without a file: the scripts beside this module, on a connection that is given."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    return head or ""


def upgrade(url: str) -> bool:
    """Upgrade where the database is older than this release; returns whether it was. Blocking: call it in a thread."""
    engine = create_engine(synchronous_url(url), poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        if found == newest_revision():
            return False
        _copy_sqlite(url, found)
        with engine.begin() as connection:
            command.upgrade(configuration(connection), "head")
    finally:
        engine.dispose()
    logger.info("Database was upgraded.", before=found or "", after=newest_revision())
    return True


def synchronous_url(url: str) -> str:
    """The same database by the driver that Alembic uses."""
    parsed = make_url(url)
    driver = parsed.drivername.replace("+aiosqlite", "")
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def _copy_sqlite(url: str, revision: str | None) -> None:
    """A copy beside a file that exists and is older; made by SQLite itself, so that it holds what the WAL holds."""
    file = Path(make_url(url).database or "")
    if not revision or make_url(url).get_backend_name() != "sqlite" or not file.exists():
        return
    target = file.with_name(f"{file.name}.before-{newest_revision()}")
    with sqlite3.connect(file) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    copy.close()
    source.close()
    target.chmod(0o600)
