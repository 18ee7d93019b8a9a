"""`make bench`: every benchmark, as a table and as JSON. Exit status 1 where a budget does not hold."""

import importlib
import sys
from pathlib import Path

from bench.report import Figure, print_figures, write_figures

SUITES = (
    "tree",
    "ingest",
    "growth",
    "slow_clients",
    "pipeline",
    "rules",
    "suppression",
    "what_if",
    "tail",
    "delivery",
    "functions",
    "warehouse",
    "forget",
    "api",
    "start",
)


def main() -> int:
    wanted = sys.argv[1:] or SUITES
    figures: list[Figure] = []
    for name in wanted:
        sys.stdout.write(f"\n{name}\n")
        found = importlib.import_module(f"bench.{name}").run()
        print_figures(found)
        figures += found
    write_figures(figures, Path("reports/bench.json"))
    return 1 if any(figure.is_within is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
