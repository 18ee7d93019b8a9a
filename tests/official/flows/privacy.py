"""Regulations and suppressions."""

from tests.contract.regulations import OF_A_USER, OF_AN_OBJECT
from tests.official.asking import Asking
from tests.official.flows.connections import PAGE, new_source


def regulations(ask: Asking) -> None:
    source = {"sourceId": new_source(ask, "regulated")}
    whose = {"subjectIds": [f"u-{ask.client.name}"]}
    made = ask("createWorkspaceRegulation", OF_A_USER | whose)["regulateId"]
    ask("createSourceRegulation", OF_A_USER | whose | {"regulationType": "SUPPRESS_WITH_DELETE"}, **source)
    ask("createCloudSourceRegulation", OF_AN_OBJECT | whose, **source)
    assert ask("getRegulation", regulateId=made)["regulation"]["id"] == made
    chosen = {"regulationTypes": ["SUPPRESS_ONLY", "DELETE_ONLY"], "pagination": PAGE}
    assert made in [each["id"] for each in ask("listWorkspaceRegulations", **chosen)["regulations"]]
    assert len(ask("listRegulationsFromSource", **chosen, **source)["regulations"]) >= 1
    ask("listSuppressions", pagination=PAGE)
