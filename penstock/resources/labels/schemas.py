"""What the API takes and tells of labels. The seed sends a label flat and is answered a list of one."""

from typing import Annotated

from pydantic import Field

from penstock.api.schema import Answer, Input

Word = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Description = Annotated[str, Field(max_length=1_000)]


class LabelInput(Input):
    key: Word
    value: Word
    description: Description = ""


class CreateLabel(Input):
    label: LabelInput


class Label(Answer):
    key: str
    value: str
    description: str = ""


class LabelAnswer(Answer):
    label: Label


class LabelsAnswer(Answer):
    labels: list[Label]
