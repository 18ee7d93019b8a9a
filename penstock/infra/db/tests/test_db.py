import asyncio
from contextlib import AsyncExitStack

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from penstock.infra.db import Database, sqlite_url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "test.sqlite")
    server = request.getfixturevalue("postgres_server")
    return server.url(server.database())


@pytest.fixture
async def database(url):
    opened = Database(url)
    async with opened.writing() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
    yield opened
    await opened.close()


async def count(database):
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one()


async def add_and_fail(database):
    async with database.writing() as connection:
        await connection.execute(text("INSERT INTO t VALUES (1)"))
        raise RuntimeError


async def test_a_block_that_ends_well_is_committed(database):
    async with database.writing() as connection:
        await connection.execute(text("INSERT INTO t VALUES (1)"))
    assert await count(database) == 1


async def test_a_block_that_raises_leaves_nothing(database):
    with pytest.raises(RuntimeError):
        await add_and_fail(database)
    assert await count(database) == 0


async def test_a_reader_sees_one_state_while_a_writer_commits(database):
    async with database.reading() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM t"))).scalar_one()
        async with database.writing() as writer:
            await writer.execute(text("INSERT INTO t VALUES (1)"))
        assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar_one() == before
    assert await count(database) == before + 1


async def count_and_add(database):
    """What another writer in between would spoil: the key is what was counted."""
    async with database.writing() as connection:
        found = (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": found})


async def test_many_writers_come_one_after_the_other(database):
    await asyncio.gather(*(count_and_add(database) for _ in range(30)))
    assert await count(database) == 30


async def test_writers_of_several_processes_come_one_after_the_other(url, database):
    """Each `Database` has its own lock and its own connections, as each process has."""
    async with AsyncExitStack() as stack:
        others = [Database(url) for _ in range(3)]
        for other in others:
            stack.push_async_callback(other.close)
        await asyncio.gather(*(count_and_add(each) for each in [database, *others] for _ in range(8)))
    assert await count(database) == 32


async def test_a_reader_cannot_write(database):
    with pytest.raises(DBAPIError, match="read-?only"):
        async with database.reading() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
    assert await count(database) == 0


async def test_who_reads_much_sees_one_state_too(database):
    async with database.reading(is_long=True) as reader:
        before = (await reader.execute(text("SELECT count(*) FROM t"))).scalar_one()
        await count_and_add(database)
        assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar_one() == before
    assert await count(database) == before + 1


async def test_an_error_of_a_reader_leaves_its_connection_good_for_the_next(database):
    for _ in range(20):
        with pytest.raises(DBAPIError, match="nowhere"):
            async with database.reading() as connection:
                await connection.execute(text("SELECT a FROM nowhere"))
    assert await count(database) == 0


async def test_postgres_that_was_started_anew_is_found_again_by_the_next_transaction(postgres_server):
    name = postgres_server.database()
    database = Database(postgres_server.url(name))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER)"))
    with postgres_server.connect("postgres") as other:
        other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert await count(database) == 0
    await database.close()


async def test_a_name_that_holds_nul_is_stored_with_a_sign_for_it_on_postgres(postgres_server):
    name = postgres_server.database()
    database = Database(postgres_server.url(name))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE names (a VARCHAR)"))
        await connection.execute(text("INSERT INTO names VALUES (:a)"), {"a": "a\0b"})
    await database.close()
    with psycopg.connect(postgres_server.url(name)) as connection:
        assert connection.execute("SELECT a FROM names").fetchone() == ("a\ufffdb",)


async def test_sqlite_is_durable_keeps_its_references_and_overwrites_what_is_deleted(tmp_path):
    database = Database(sqlite_url(tmp_path / "test.sqlite"))
    async with database.writing() as connection:
        pragmas = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
    assert pragmas == ["wal", 2, 1, 1]
    await database.close()


async def test_an_error_tells_nothing_of_what_was_written(database):
    async def write():
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": 123454321})

    await write()
    with pytest.raises(IntegrityError) as error:
        await write()
    assert "123454321" not in str(error.value)
