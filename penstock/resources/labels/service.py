"""What the operations on labels share with those who make workspaces."""

from typing import Any

from penstock.api.unit import Unit
from penstock.resources.labels import schemas
from penstock.resources.labels.repository import Label, insert_labels

_DEFAULTS = (("environment", "dev"), ("environment", "prod"))


async def add_default_labels(unit: Unit) -> None:
    """Those that a new workspace has."""
    added = [Label(unit.workspace_id, key, value, None, unit.now) for key, value in _DEFAULTS]
    await insert_labels(unit.connection, added)


def title_of(label: Label) -> str:
    """How a label is named where one word must do. Neither part holds a colon."""
    return f"{label.key}:{label.value}"


def view_of(row: Label) -> schemas.Label:
    values: dict[str, Any] = {} if row.description is None else {"description": row.description}
    return schemas.Label(key=row.key, value=row.value, **values)
