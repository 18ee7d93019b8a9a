"""Reads server-sent events: names and JSON data, comments left out."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def read_events(lines: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """(event, data) of each event that is whole."""
    name, data = "message", ""
    for line in lines:
        field, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not field and not value:
            if data:
                yield name, json.loads(data)
            name, data = "message", ""
