"""What every benchmark gives: rows of one figure each, and whether the budget holds."""

import json
import sys
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured figure. `budget` is text (`≤ 2 %`); `is_within` is None where there is none to hold."""

    name: str
    value: float
    unit: str
    budget: str = ""
    is_within: bool | None = None
    note: str = ""


def at_most(name: str, value: float, limit: float, unit: str, note: str = "") -> Figure:
    return Figure(name, value, unit, f"≤ {limit:g}", value <= limit, note)


def at_least(name: str, value: float, limit: float, unit: str, note: str = "") -> Figure:
    return Figure(name, value, unit, f"≥ {limit:g}", value >= limit, note)


def print_figures(figures: list[Figure]) -> None:
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        verdict = {True: "within", False: "OVER", None: ""}[figure.is_within]
        value = f"{figure.value:,.3g}" if figure.value < 1000 else f"{figure.value:,.0f}"
        line = f"{figure.name:<{width}}  {value:>10} {figure.unit:<14} {figure.budget:<10} {verdict:<7} {figure.note}"
        sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


def write_figures(figures: list[Figure], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(msgspec.to_builtins(figures), indent=2, ensure_ascii=False) + "\n")
