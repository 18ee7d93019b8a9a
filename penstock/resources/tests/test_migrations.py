import asyncio
import sqlite3
from contextlib import closing

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from penstock.infra.db import Database, DatabaseRefused, metadata, sqlite_url
from penstock.infra.db.dialects import synchronous_url
from penstock.infra.migrations import UpgradeRefused, newest_revision, revisions, upgrade
from penstock.resources import slices


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request, tmp_path):
    """A database without tables."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "control.sqlite")
    server = request.getfixturevalue("postgres_server")
    return server.url(server.database())


def run(url, *statements):
    """The rows of the last statement."""
    engine = create_engine(synchronous_url(url))
    with engine.begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        rows = results[-1].fetchall() if results[-1].returns_rows else []
    engine.dispose()
    return [tuple(row) for row in rows]


def make_old(url):
    """A database of an older release: one table of it, and a row that must not be lost."""
    run(
        url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "CREATE TABLE workspaces (id VARCHAR(64) PRIMARY KEY)",
        "INSERT INTO workspaces VALUES ('kept')",
        "INSERT INTO alembic_version VALUES ('0000')",
    )


def test_migrations_are_numbered_one_after_the_other():
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]


def test_the_migrations_make_exactly_the_tables_that_the_slices_declare(empty_url):
    assert slices.SLICES
    assert upgrade(empty_url)
    engine = create_engine(synchronous_url(empty_url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_database_at_the_newest_revision_is_left_alone_and_an_empty_one_is_not_copied(tmp_path, empty_url):
    assert upgrade(empty_url)
    assert not upgrade(empty_url)
    assert [entry.name for entry in tmp_path.iterdir() if "before" in entry.name] == []


def test_an_older_file_is_copied_with_what_its_log_holds_before_it_is_upgraded(tmp_path):
    file = tmp_path / "control.sqlite"
    url = sqlite_url(file)
    with closing(sqlite3.connect(file)) as holding:  # so that the log is not written back
        holding.execute("PRAGMA journal_mode=WAL")
        make_old(url)
        with pytest.raises(Exception, match="0000"):  # Alembic knows no such revision
            upgrade(url)
    copy = sqlite_url(tmp_path / f"control.sqlite.before-{newest_revision()}")
    assert run(copy, "SELECT id FROM workspaces") == [("kept",)]
    assert run(url, "SELECT id FROM workspaces") == [("kept",)]


def test_an_upgrade_on_postgres_is_whole_or_not_at_all(postgres_server):
    url = postgres_server.url(postgres_server.database())
    make_old(url)
    with pytest.raises(Exception, match="0000"):
        upgrade(url)
    assert run(url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'before%'") == [(0,)]
    assert run(url, "SELECT id FROM workspaces") == [("kept",)]


def one_release_back(url):
    """Undo the last migration."""
    from alembic import command

    from penstock.infra.migrations import configuration

    engine = create_engine(synchronous_url(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), revisions()[-2])
    engine.dispose()


def test_a_populated_database_of_the_last_release_is_copied_and_upgraded(empty_url, tmp_path):
    upgrade(empty_url)
    row = "INSERT INTO workspaces (id, slug, name, created_at) VALUES ('w', 'shop', 'Shop', 1)"
    run(empty_url, row)
    one_release_back(empty_url)
    assert upgrade(empty_url)
    assert run(empty_url, "SELECT name FROM workspaces") == [("Shop",)]
    copies = {f"sqlite:///{tmp_path}/control.sqlite.before-{newest_revision()}": ""}
    if "postgres" in empty_url:
        copies = {empty_url: f"before_{newest_revision()}."}
    for url, prefix in copies.items():
        assert run(url, f"SELECT name FROM {prefix}workspaces") == [("Shop",)]
        assert run(url, f"SELECT version_num FROM {prefix}alembic_version") == [(revisions()[-2],)]


def test_warehouses_that_were_deleted_before_are_known_and_what_others_answered_to_deletions_is_not(empty_url):
    upgrade(empty_url)
    one_release_back(empty_url)
    event = (
        "INSERT INTO audit_events (id, workspace_id, timestamp, type, operation, actor, resource_type, resource_id, "
    )
    event += "resource_name, details) VALUES ('{0}', 'w', {0}, 'Storage Destination {1}', '', '', 'WAREHOUSE', '{2}', "
    event += "'Old', '{{}}')"
    regulation = "INSERT INTO regulations VALUES ('r', 'w', '', '', 'DELETE_ONLY', 'USER_ID', 1, 1, 'RUNNING', 1, 0)"
    step = "INSERT INTO regulation_steps VALUES ('r', '{}', 'x', '', '', '', '{}', 0, 0, 'of ada', 0, 0, 0)"
    steps = [step.format(*each) for each in (("destination", "FAILED"), ("warehouse", "PENDING"))]
    made = [event.format(*each) for each in ((1, "Created", "W1"), (2, "Deleted", "W1"), (3, "Created", "W2"))]
    run(empty_url, *made, regulation, *steps)
    upgrade(empty_url)
    assert run(empty_url, "SELECT id, workspace_id, name, left_at FROM left_warehouses") == [("W1", "w", "Old", 2)]
    assert run(empty_url, "SELECT DISTINCT error FROM regulation_steps") == [
        ("the words of an older release are not kept",)
    ]


def test_a_user_who_cannot_make_schemas_is_told_what_to_grant(postgres_server):
    name = postgres_server.database()
    url = postgres_server.url(name)
    upgrade(url)
    one_release_back(url)
    with postgres_server.connect(name) as connection:
        connection.execute("CREATE ROLE narrow LOGIN PASSWORD 'p3nst0ck'")
        connection.execute(
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO narrow; GRANT CONNECT ON DATABASE {name} TO narrow"
        )
    with pytest.raises(UpgradeRefused, match="GRANT CREATE ON DATABASE"):
        upgrade(url.replace("penstock:", "narrow:"))
    assert upgrade(url)


async def test_of_several_that_start_at_once_one_upgrades(postgres_server):
    url = postgres_server.url(postgres_server.database())
    made = await asyncio.gather(*(asyncio.to_thread(upgrade, url) for _ in range(3)))
    assert sorted(made) == [False, False, True]


def test_a_database_of_a_newer_release_is_left_alone(empty_url):
    upgrade(empty_url)
    run(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UpgradeRefused, match="newer release"):
        upgrade(empty_url)


@pytest.mark.parametrize("url", ["mysql://somebody@host/name", "no url", "postgresql://host:port/name"])
def test_what_names_no_database_that_is_known_is_refused(url):
    with pytest.raises(DatabaseRefused):
        upgrade(url)


def test_postgres_is_named_as_everybody_names_it(postgres_server):
    url = postgres_server.url(postgres_server.database())
    assert upgrade(url.replace("postgresql://", "postgres://"))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest_revision(),)


async def test_nobody_else_may_read_the_database_and_what_sqlite_puts_beside_it(tmp_path):
    file = tmp_path / "control.sqlite"
    upgrade(sqlite_url(file))
    database = Database(sqlite_url(file))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE something (a INTEGER)"))
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}
    await database.close()
    assert modes == {"control.sqlite": 0o600, "control.sqlite-wal": 0o600, "control.sqlite-shm": 0o600}
