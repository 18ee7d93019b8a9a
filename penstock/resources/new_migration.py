"""`python -m penstock.resources.new_migration "what changes"`: write the next migration from the tables' difference."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from penstock.infra.migrations import configuration, revisions, upgrade
from penstock.resources import slices


def write_migration(message: str) -> None:
    """Compare the tables that the slices declare with a database at the newest revision."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'empty.sqlite'}"
        if revisions():
            upgrade(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            number = f"{len(revisions()) + 1:04}"
            command.revision(configuration(connection), message, autogenerate=True, rev_id=number)
        engine.dispose()


if __name__ == "__main__":
    assert slices.SLICES  # noqa: S101 - importing the slices registers their tables
    write_migration(sys.argv[1])
