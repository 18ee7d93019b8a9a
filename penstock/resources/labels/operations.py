"""Operations of the tag Labels."""

from typing import Any

from penstock.api.errors import BadRequest, NotFound
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted
from penstock.resources.labels.repository import Label, insert_labels, select_labels
from penstock.resources.labels.repository import delete_label as delete_label_row
from penstock.resources.labels.schemas import CreateLabel, LabelAnswer, LabelInput, LabelsAnswer
from penstock.resources.labels.service import title_of, view_of

LABEL_LIMIT = 100
"""Labels of one workspace."""
_WRITES = RateLimit(60)


@operation("listLabels", "GET", "/labels", permission=Permission.LABEL_READ, answer=schemas(LabelsAnswer))
async def list_labels(request: Request[Nothing]) -> dict[str, Any]:
    """All labels of the workspace, the oldest first. This list has no pages."""
    return {"labels": [view_of(each) for each in await select_labels(request.unit.connection, request.workspace_id)]}


@operation(
    "createLabel",
    "POST",
    "/labels",
    permission=Permission.LABEL_ADMIN,
    body=schemas(CreateLabel, seed=LabelInput),
    answer=schemas(LabelAnswer, seed=LabelsAnswer),
    created=True,
    audit=("Label Created",),
    limit=_WRITES,
)
async def create_label(request: Request[CreateLabel | LabelInput]) -> dict[str, Any]:
    """Make a label, which sources can then be given. Neither its key nor its value can be changed."""
    unit, body = request.unit, request.body
    asked = body.label if isinstance(body, CreateLabel) else body
    present = await select_labels(unit.connection, unit.workspace_id)
    if any((each.key, each.value) == (asked.key, asked.value) for each in present):
        raise BadRequest(f"the label {asked.key}:{asked.value} exists already")
    if len(present) >= LABEL_LIMIT:
        raise BadRequest(f"a workspace has at most {LABEL_LIMIT} labels")
    added = Label(unit.workspace_id, asked.key, asked.value, asked.sent().get("description"), unit.now)
    await insert_labels(unit.connection, [added])
    await unit.audit("Label Created", "LABEL", title_of(added), title_of(added))
    return {"label": view_of(added), "labels": [view_of(added)]}


@operation(
    "deleteLabel",
    "DELETE",
    "/labels/{key}/{value}",
    seed_path="/labels/{labelKey}/{labelValue}",
    permission=Permission.LABEL_ADMIN,
    answer=schemas(Deleted),
    audit=("Label Deleted",),
    limit=_WRITES,
)
async def delete_label(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a label that nothing has. One that is attached is refused (400)."""
    unit = request.unit
    key, value = request.path.values()
    present = await select_labels(unit.connection, unit.workspace_id)
    found = next((each for each in present if (each.key, each.value) == (key, value)), None)
    if found is None:
        raise NotFound(f"label {key}:{value} does not exist")
    await unit.react("label_deleted", title_of(found))
    await delete_label_row(unit.connection, found)
    await unit.audit("Label Deleted", "LABEL", title_of(found), title_of(found))
    return DELETED.model_dump()
