"""Folds that can be killed: `python folding.py <log url> <log token> <database url>`.

For each line that comes, a child folds until somebody kills it: its process id is written, and `gone` when it is. What
a fold imports is imported once, so that many can be killed in a short time.
"""

import asyncio
import os
import sys

from penstock.infra.db import Database
from penstock.infra.log import Log
from penstock.kit.clock import SystemClock
from penstock.resources.delivery_overview import Fold


async def fold(url: str, token: str, database_url: str) -> None:
    log = await Log.connect(url, token=token, name="fold")
    folding = Fold(Database(database_url), log, SystemClock())
    tell(str(os.getpid()))
    await asyncio.gather(folding.follow_facts(), folding.follow_settled(0))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for _ in sys.stdin:
        if (child := os.fork()) == 0:
            asyncio.run(fold(*sys.argv[1:]))
        os.waitpid(child, 0)
        tell("gone")
