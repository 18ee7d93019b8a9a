"""Fixtures that every test may use: a control plane and its database, the log engine, Postgres.

What they are made of is imported when one is asked for: most processes of a test run need little of it.

The control database is fresh for each test, in SQLite and in Postgres: migrated once, then copied or emptied. A test
that uses it runs once on each, unless it is marked `one_database`, where it takes long and others ask the same of the
database. A log engine is a real nats-server, one per module, or of one test's own to be killed at will.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from penstock.infra.db import Database
    from penstock.infra.log import Log
    from penstock.infra.log.server import EmbeddedServer
    from penstock.testing.control_plane import Begun, ControlPlaneForTests
    from penstock.testing.databases import EmptiedPostgres
    from penstock.testing.postgres_server import PostgresServer

DATABASES = ("sqlite", "postgres")


def run_on_each(metafunc: pytest.Metafunc) -> None:
    """What conftest's `pytest_generate_tests` calls. `PENSTOCK_TEST_DATABASE=sqlite` leaves the other out."""
    if "database_kind" in metafunc.fixturenames:
        is_one = metafunc.definition.get_closest_marker("one_database") is not None
        wanted = os.environ.get("PENSTOCK_TEST_DATABASE", "")
        metafunc.parametrize("database_kind", [wanted] if wanted else DATABASES[:1] if is_one else DATABASES)


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    from penstock.testing.postgres_server import own_postgres

    with own_postgres() as server:
        if server is None:
            pytest.skip("there is no Postgres on this machine (Debian: apt-get install postgresql)")
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from penstock.infra.db import sqlite_url
    from penstock.infra.migrations import upgrade

    file = tmp_path_factory.mktemp("migrated") / "control.sqlite"
    upgrade(sqlite_url(file))
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: "PostgresServer") -> "Iterator[EmptiedPostgres]":
    from penstock.testing.databases import EmptiedPostgres

    emptied = EmptiedPostgres(postgres_server)
    yield emptied
    emptied.close()


@pytest.fixture
def control_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database with no rows, the same for all tests of a kind, so that engines can be kept.

    In SQLite it leads to `control.sqlite` in the test's folder.
    """
    from penstock.infra.db import sqlite_url

    if database_kind == "postgres":
        emptied: EmptiedPostgres = request.getfixturevalue("migrated_postgres")
        return emptied.fresh()
    migrated: Path = request.getfixturevalue("migrated_sqlite")
    link = migrated.with_name("of_this_test.sqlite")
    link.unlink(missing_ok=True)
    link.symlink_to(shutil.copy(migrated, tmp_path / "control.sqlite"))
    return sqlite_url(link)


@pytest_asyncio.fixture
async def database(control_url: str) -> "AsyncIterator[Database]":
    from penstock.infra.db import Database
    from penstock.testing.databases import kept_engines

    opened = Database(control_url, kept_engines)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def begun_sqlite(migrated_sqlite: Path) -> "Begun":
    from penstock.testing.control_plane import begun_in

    return await begun_in(Path(shutil.copy(migrated_sqlite, migrated_sqlite.with_name("begun.sqlite"))))


@pytest.fixture
def begun(control_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> "Begun | None":
    """Laid in the place of the empty one: a first run costs more than most of what tests ask after it."""
    if not control_url.startswith("sqlite"):
        return None
    kept: Begun = request.getfixturevalue("begun_sqlite")
    shutil.copy(kept.file, tmp_path / "control.sqlite")
    return kept


@pytest_asyncio.fixture
async def control(
    begun: "Begun | None", database: "Database", monkeypatch: pytest.MonkeyPatch
) -> "AsyncIterator[ControlPlaneForTests]":
    """A fresh control plane after its first run, on each database; rate limits as stated."""
    from penstock.api.kept_views import KeptViews
    from penstock.kit.clock import ManualClock
    from penstock.testing.control_plane import ControlPlaneForTests, first_run_of

    # The first source is the same in all tests: what another one has made of it must not be taken for what is here.
    monkeypatch.setattr("penstock.resources.sources.listing._views", KeptViews())
    plane = ControlPlaneForTests(database, ManualClock(), rate_factor=1.0)
    plane.first_run = await first_run_of(plane) if begun is None else begun.first_run
    yield plane
    await plane.client.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[EmbeddedServer]":
    """A running server shared by a module: `.url`, `.token`, `.pid`; leave it running."""
    from penstock.infra.log.server import EmbeddedServer

    server = EmbeddedServer(Path(tmp_path_factory.mktemp("nats")))
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture
async def own_nats_server(tmp_path: Path) -> "AsyncIterator[EmbeddedServer]":
    """A running server of one test's own, to be killed (`await .kill()`) and started again (`await .start()`)."""
    from penstock.infra.log.server import EmbeddedServer

    server = EmbeddedServer(tmp_path / "nats")
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture
async def log(nats_server: "EmbeddedServer") -> "AsyncIterator[Log]":
    """A connection of one test's own to the module's server."""
    from penstock.infra.log import Log

    connected = await Log.connect(nats_server.url, token=nats_server.token, name="test")
    yield connected
    await connected.close()


@pytest.fixture
def soon_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that holds its process takes a processor from everything else until that is ended, which is almost at once
    here. Only where no process is to tell of its limit itself.
    """
    monkeypatch.setattr("penstock.js.sandbox.process._GRACE_SECONDS", 0.05)
