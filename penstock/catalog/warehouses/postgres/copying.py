"""Arrow tables as the text that COPY reads; whole columns at a time, because a load has millions of values."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_ROWS = 10_000
# The backslash first: those that escape the others must stay.
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
_NULL = "\\N"


def copy_text(table: Any) -> Iterator[bytes]:
    """The rows of `table` in COPY's text format, in pieces."""
    for batch in table.to_batches(max_chunksize=_ROWS):
        columns = [_texts(column) for column in batch.columns]
        rows = pc.binary_join_element_wise(*columns, "\t", null_handling="replace", null_replacement=_NULL)
        yield ("\n".join(rows.to_pylist()) + "\n").encode()


def _texts(column: Any) -> Any:
    if not pa.types.is_string(column.type):
        return column.cast(pa.string())
    for plain, escaped in _ESCAPES:
        column = pc.replace_substring(column, plain, escaped)
    return column
