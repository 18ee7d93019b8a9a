"""Searches everything that an installation stores for what belongs to one person, as somebody would who has the disk.

Every file is read as bytes, and what is compressed in it is opened; databases are asked for their rows besides, for
they compress in ways of their own. Streams are read message by message, to tell in which store something stands.
"""

import base64
import re
import shutil
import sqlite3
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
from rocksdict import Options, Rdict

from penstock.infra.log import Log
from penstock.spec.stores import FILE_STORES, STREAM_STORES, Store, path_belongs, subject_belongs
from penstock.testing.instance import Instance
from penstock.testing.observing import ask_log

_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_INFLATED_LIMIT = 8 << 20

Found = dict[str, set[str]]
"""Places by store."""


class Person:
    """What is searched for, in every spelling in which it might stand: `needles` are ids, names and addresses."""

    def __init__(self, *needles: str) -> None:
        self._pattern = re.compile(b"|".join(re.escape(each) for needle in needles for each in _spellings(needle)))

    def is_in(self, content: bytes) -> bool:
        return self._pattern.search(content) is not None

    def is_below(self, content: bytes) -> bool:
        """Also in what is compressed in it."""
        return self.is_in(content) or any(map(self.is_in, _inflated(content)))

    def count_in(self, content: bytes) -> int:
        return len(self._pattern.findall(content))


def _spellings(needle: str) -> Iterator[bytes]:
    plain = needle.encode()
    yield plain
    yield plain.hex().encode()
    yield needle.encode("utf-16-le")
    for shift in range(3):
        # What comes before moves the letters of base 64; those at the ends depend on it and are left out.
        yield base64.b64encode(b"\0" * shift + plain).rstrip(b"=")[(shift * 8 + 5) // 6 : -1]


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in _COMPRESSED.finditer(content):
        machine = zlib.decompressobj(wbits=47)
        try:
            yield machine.decompress(content[start.start() :], _INFLATED_LIMIT)
        except zlib.error:
            continue


def search_streams(instance: Instance, person: Person) -> Found:
    """Subjects with a message of the person, by the store that they belong to. The instance runs."""
    return ask_log(instance, lambda log: search_log(log, person))


async def search_log(log: Log, person: Person) -> Found:
    """The same of a log engine that the caller is connected to."""
    found: Found = defaultdict(set)
    for stream in await log.stream_names():
        async for subject, payload in _messages(log, stream):
            if person.is_below(payload):
                found[_name(STREAM_STORES, subject_belongs, subject)].add(subject)
    return dict(found)


async def _messages(log: Log, stream: str) -> Any:
    start = 1
    while messages := await log.get_batch(stream, start):
        for message in messages:
            yield message.subject, message.payload
        start = messages[-1].sequence + 1


def search_files(data: Path, person: Person) -> Found:
    """Files with something of the person, by store. Nobody may be writing: databases are read from a copy."""
    while True:
        try:
            return _search_files(data, person)
        except FileNotFoundError:  # a database has taken in its log of changes: it is looked at as it is now
            continue


def _search_files(data: Path, person: Person) -> Found:
    found: Found = defaultdict(set)
    for file in sorted(file for file in data.rglob("*") if file.is_file()):
        path = file.relative_to(data).as_posix()
        if person.is_below(file.read_bytes()) or _is_in_rows(file, person):
            found[_name(FILE_STORES, path_belongs, path)].add(path)
    if (data / "dedupe").is_dir():
        for directory in (data / "dedupe").iterdir():
            if any(map(person.is_in, _entries(directory))):
                found["dedupe index"].add(directory.name)
    return dict(found)


def _name(stores: Iterable[Store], belongs: Any, place: str) -> str:
    return next((store.name for store in stores if belongs(store, place)), f"a stranger: {place}")


def _is_in_rows(file: Path, person: Person) -> bool:
    if file.suffix not in (".duckdb", ".sqlite"):
        return False
    return any(map(person.is_in, _rows(file)))


def _rows(file: Path) -> Iterator[bytes]:
    for table in tables_of(file).values():
        yield from (repr(row).encode() for row in table)


def tables_of(file: Path) -> Mapping[str, list[Any]]:
    """All rows of a DuckDB or SQLite file, by table, with what stands in its log of changes."""
    with tempfile.TemporaryDirectory() as directory:
        for each in file.parent.glob(file.name + "*"):
            shutil.copy(each, directory)
        copy = Path(directory) / file.name
        return _sqlite_tables(copy) if file.suffix == ".sqlite" else _duckdb_tables(copy)


def _sqlite_tables(file: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(file)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608


def _duckdb_tables(file: Path) -> dict[str, list[Any]]:
    with duckdb.connect(str(file)) as connection:
        listed = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        return {
            f"{schema}.{name}": connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall()  # noqa: S608
            for schema, name in listed
        }


def _entries(directory: Path) -> list[bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy"
        shutil.copytree(directory, copy)
        database = Rdict(str(copy), Options(raw_mode=True))
        try:
            return [bytes(key) + bytes(value) for key, value in database.items()]
        finally:
            database.close()
