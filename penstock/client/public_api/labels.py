"""Labels: The keys and values by which sources are grouped and access is narrowed.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted


class LabelsLabel(TypedDict):
    key: str
    value: str
    description: NotRequired[str]


class LabelsLabelsAnswer(TypedDict):
    labels: list[LabelsLabel]


class LabelsLabelInput(TypedDict):
    key: str
    value: str
    description: NotRequired[str]


class LabelsApi:
    """The keys and values by which sources are grouped and access is narrowed."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_labels(self) -> LabelsLabelsAnswer:
        """All labels of the workspace, the oldest first. This list has no pages."""
        answer: LabelsLabelsAnswer = self._ask("GET", "/labels")
        return answer

    def create_label(self, body: LabelsLabelInput) -> LabelsLabelsAnswer:
        """Make a label, which sources can then be given. Neither its key nor its value can be changed."""
        answer: LabelsLabelsAnswer = self._ask("POST", "/labels", body=body)
        return answer

    def delete_label(self, key: str, value: str) -> Deleted:
        """Delete a label that nothing has. One that is attached is refused (400)."""
        answer: Deleted = self._ask("DELETE", f"/labels/{quoted(key)}/{quoted(value)}")
        return answer
