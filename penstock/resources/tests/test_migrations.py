import sqlite3

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from penstock.infra.db import Database, metadata, sqlite_url
from penstock.infra.migrations import newest_revision, synchronous_url, upgrade
from penstock.resources import slices


def test_the_migrations_make_exactly_the_tables_that_the_slices_declare(tmp_path):
    assert slices.SLICES
    url = sqlite_url(tmp_path / "control.sqlite")
    assert upgrade(url)
    engine = create_engine(synchronous_url(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_database_at_the_newest_revision_is_left_alone(tmp_path):
    file = tmp_path / "control.sqlite"
    assert upgrade(sqlite_url(file))
    assert not upgrade(sqlite_url(file))
    assert [entry.name for entry in tmp_path.iterdir() if "before" in entry.name] == []


def test_an_older_database_is_copied_with_what_its_log_holds_before_it_is_upgraded(tmp_path):
    file = tmp_path / "control.sqlite"
    old = sqlite3.connect(file)
    old.execute("PRAGMA journal_mode=WAL")
    old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    old.execute("CREATE TABLE kept (a INTEGER)")
    old.execute("INSERT INTO kept VALUES (42)")
    old.commit()
    from penstock.infra.migrations import copy_sqlite

    target = copy_sqlite(sqlite_url(file), "0000")
    old.close()
    assert target == file.with_name(f"control.sqlite.before-{newest_revision()}")
    copied = sqlite3.connect(target)
    assert copied.execute("SELECT a FROM kept").fetchone() == (42,)
    copied.close()


def test_a_database_that_does_not_exist_needs_no_copy(tmp_path):
    from penstock.infra.migrations import copy_sqlite

    assert copy_sqlite(sqlite_url(tmp_path / "none.sqlite"), "0000") is None
    assert copy_sqlite(sqlite_url(tmp_path / "none.sqlite"), None) is None


async def test_nobody_else_may_read_the_database_and_what_sqlite_puts_beside_it(tmp_path):
    file = tmp_path / "control.sqlite"
    upgrade(sqlite_url(file))
    database = Database(sqlite_url(file))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE something (a INTEGER)"))
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}
    await database.close()
    assert modes == {"control.sqlite": 0o600, "control.sqlite-wal": 0o600, "control.sqlite-shm": 0o600}
