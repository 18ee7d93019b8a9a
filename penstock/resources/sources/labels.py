"""The labels of a source, one value for a key: of the tag Sources, for a label by itself knows of no source.

Labels say who may reach a source, so giving and taking them is for those who may decide that.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from pydantic import Field
from sqlalchemy import delete, insert, select

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input
from penstock.api.unit import Unit
from penstock.resources.labels import select_labels
from penstock.resources.sources.repository import Source, require_source
from penstock.resources.sources.schemas import Label
from penstock.resources.sources.service import touch
from penstock.resources.sources.table import source_labels

_PATH = "/sources/{sourceId}/labels"
Pair = tuple[str, str]


class LabelInput(Input):
    """Its description belongs to the label itself and changes nothing here."""

    key: str
    value: str
    description: str = ""


class LabelsInput(Input):
    labels: Annotated[list[LabelInput], Field(max_length=100)]


class LabelsAnswer(Answer):
    labels: list[Label]


@operation(
    "addLabelsToSource",
    "POST",
    _PATH,
    permission=Permission.LABEL_ADMIN,
    body=schemas(LabelsInput),
    answer=schemas(LabelsAnswer),
    audit=("Source Modified",),
)
async def add_labels_to_source(request: Request[LabelsInput]) -> dict[str, Any]:
    """Give a source labels beside those that it has. One that it has already stays as it is."""
    source = await _source(request)
    return await _relabel(request, source, dict.fromkeys((*source.labels, *_pairs(request.body))))


@operation(
    "replaceLabelsInSource",
    "PUT",
    _PATH,
    permission=Permission.LABEL_ADMIN,
    body=schemas(LabelsInput),
    answer=schemas(LabelsAnswer),
    audit=("Source Modified",),
)
async def replace_labels_in_source(request: Request[LabelsInput]) -> dict[str, Any]:
    """Give a source these labels in the place of all that it has."""
    return await _relabel(request, await _source(request), dict.fromkeys(_pairs(request.body)))


async def refuse_where_attached(unit: Unit, label: str) -> None:
    """What happens here when a label is deleted. Raises BadRequest where a source has it."""
    key, _, value = label.partition(":")
    where = (source_labels.c.workspace_id == unit.workspace_id, source_labels.c.key == key)
    query = select(source_labels.c.source_id).where(*where, source_labels.c.value == value).limit(1)
    if source_id := (await unit.connection.execute(query)).scalar_one_or_none():
        raise BadRequest(f"the label {label} is attached to source {source_id}")


async def _source(request: Request[LabelsInput]) -> Source:
    unit = request.unit
    return await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])


def _pairs(body: LabelsInput) -> list[Pair]:
    return [(each.key, each.value) for each in body.labels]


async def _relabel(request: Request[LabelsInput], source: Source, wanted: Iterable[Pair]) -> dict[str, Any]:
    unit, pairs = request.unit, sorted(wanted)
    await _require_fit(unit, pairs)
    where = (source_labels.c.workspace_id == unit.workspace_id, source_labels.c.source_id == source.id)
    await unit.connection.execute(delete(source_labels).where(*where))
    if pairs:
        rows = [
            {"workspace_id": unit.workspace_id, "source_id": source.id, "key": key, "value": value}
            for key, value in pairs
        ]
        await unit.connection.execute(insert(source_labels), rows)
    await touch(unit, msgspec.structs.replace(source, labels=tuple(pairs)))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return {"labels": [Label(key=key, value=value) for key, value in pairs]}


async def _require_fit(unit: Unit, pairs: list[Pair]) -> None:
    """Raises InputInvalid for a label that does not exist, BadRequest for two values of one key."""
    known = {(each.key, each.value) for each in await select_labels(unit.connection, unit.workspace_id)}
    keys = [key for key, _ in pairs]
    for key, value in pairs:
        if (key, value) not in known:
            raise InputInvalid(f"the label {key}:{value} does not exist", field="labels")
        if keys.count(key) > 1:
            raise BadRequest(f"a source has at most one value for the label {key}", field="labels")
