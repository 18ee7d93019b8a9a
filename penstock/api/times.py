"""Times in what is asked: ISO 8601, where nothing is said of the zone in UTC."""

from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.kit.time import read_iso


def _readable(text: str) -> str:
    if text and read_iso(text) is None:
        raise ValueError("must be a time in ISO 8601")
    return text


OptionalTime = Annotated[str, Field(max_length=64), AfterValidator(_readable)]
"""The empty text is none."""
Time = Annotated[OptionalTime, Field(min_length=1)]


def milliseconds(text: str, otherwise: int = 0) -> int:
    """Since the epoch; `otherwise` where there is no time."""
    found = read_iso(text) if text else None
    return found[0] if found else otherwise
