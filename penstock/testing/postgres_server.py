"""A real Postgres on a free port of loopback, for tests; skipped with the reason where the machine has none."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from penstock.kit.ports import free_port

PASSWORD = "p3nst0ck"  # noqa: S105 - of a server that lives as long as the tests
_UNPRIVILEGED = ("postgres", "nobody")


class PostgresServer:
    """One server. `settings` names one of its databases as the catalog's options do."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self.port = free_port()
        self._programs = programs
        self._directory = directory
        self._user = _unprivileged_user()
        self._databases = 0

    def start(self) -> None:
        if self._user is not None:
            shutil.chown(self._directory, self._user)
        password = self._directory / "password"
        password.write_text(PASSWORD)
        data = str(self._directory / "data")
        self._run("initdb", "-D", data, "-U", "penstock", "-A", "scram-sha-256", f"--pwfile={password}", "-N")
        # The directory of the socket must be given: that of the package belongs to somebody else.
        options = f"-p {self.port} -h 127.0.0.1 -k {self._directory} -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-D", data, "-w", "-l", str(self._directory / "log"), "-o", options, "start")

    def stop(self) -> None:
        # Without waiting: where nobody reaps orphans, the server that has ended is there for a minute more.
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", "immediate", "-W", "stop")

    def database(self) -> str:
        """The name of a new, empty one."""
        self._databases += 1
        name = f"test_{self._databases}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="penstock", password=PASSWORD, dbname=database, autocommit=True
        )

    def settings(self, database: str) -> dict[str, str]:
        return {
            "hostname": "127.0.0.1",
            "port": str(self.port),
            "database": database,
            "username": "penstock",
            "password": PASSWORD,
        }

    def url(self, database: str) -> str:
        """As `PENSTOCK_DATABASE_URL` takes it."""
        return f"postgresql://penstock:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        # pg_ctl's child keeps its output open: a pipe would never end.
        with (self._directory / f"{program}.out").open("ab") as output:
            subprocess.run(
                command, check=True, user=self._user, stdout=output, stderr=output, cwd=self._directory, timeout=60
            )


@contextmanager
def own_postgres() -> Iterator[PostgresServer | None]:
    """A running server; None where the machine has no Postgres."""
    programs = _programs()
    if programs is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="penstock-postgres-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        server = PostgresServer(programs, Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path | None:
    """Where `initdb` is: on the path, or where Debian puts it."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return candidates[-1] if candidates else None


def _unprivileged_user() -> str | None:
    """Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise RuntimeError(f"Postgres cannot run as root, and none of {_UNPRIVILEGED} exists")
