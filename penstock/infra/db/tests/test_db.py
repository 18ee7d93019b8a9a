import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from penstock.infra.db import Database, sqlite_url


@pytest.fixture
async def database(tmp_path):
    opened = Database(sqlite_url(tmp_path / "test.sqlite"))
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


async def test_many_writers_come_one_after_the_other(database):
    async def add(number):
        async with database.writing() as connection:
            found = (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": found})
            return number

    await asyncio.gather(*(add(number) for number in range(30)))
    assert await count(database) == 30


async def test_the_database_is_durable_and_keeps_its_references(database):
    async with database.reading() as connection:
        pragmas = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]


async def test_an_error_tells_nothing_of_what_was_written(database):
    async def write():
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": 123454321})

    await write()
    with pytest.raises(IntegrityError) as error:
        await write()
    assert "123454321" not in str(error.value)
