import pytest

from penstock.api.versions import JSON, OFFICIAL, Contract, Wire, decide

V1 = "application/vnd.segment.v1+json"
ALPHA = "application/vnd.segment.v1alpha+json"


@pytest.mark.parametrize(
    ("headers", "wire"),
    [
        ({}, Wire(Contract.SEED)),
        ({"accept": "*/*", "user-agent": "curl/8"}, Wire(Contract.SEED)),
        ({"accept": JSON}, Wire(Contract.SEED)),
        ({"accept": V1}, Wire(Contract.V1, V1)),
        ({"accept": "application/vnd.segment.V1+json; charset=utf-8"}, Wire(Contract.V1, V1)),
        ({"accept": ALPHA}, Wire(Contract.ALPHA, ALPHA)),
        ({"accept": "application/vnd.segment.stable+json"}, Wire(Contract.V1, V1)),
        ({"accept": "application/vnd.segment.v9+json"}, Wire(Contract.V1, V1)),
        ({"accept": f"{JSON}, {ALPHA}"}, Wire(Contract.ALPHA, JSON)),
        ({"accept": JSON, "user-agent": "Public API SDK 73.2.0 (TypeScript)"}, Wire(Contract.V1)),
        ({"accept": JSON, "user-agent": "Segment (terraform 1.6.0)"}, Wire(Contract.V1)),
        ({"user-agent": "Public+API+SDK++73.2.0+(C%23)"}, Wire(Contract.V1)),
    ],
)
def test_the_wire_of_an_operation_in_all_versions(headers, wire):
    assert decide(headers, OFFICIAL) == wire


def test_an_operation_answers_in_its_most_stable_version_where_the_one_asked_for_is_not_offered():
    assert decide({"accept": V1}, (Contract.ALPHA,)) == Wire(Contract.ALPHA, ALPHA)
    client = {"accept": JSON, "user-agent": "Public API SDK 73.2.0 (Go)"}
    assert decide(client, (Contract.ALPHA,)) == Wire(Contract.ALPHA)
