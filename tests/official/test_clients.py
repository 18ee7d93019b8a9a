"""Every official client does everything that it can do, and reads all answers as the strictest of them would."""

import pytest

from tests.official.asking import SERVED
from tests.official.flows import connections, facts, governance, loading, people, privacy

FLOWS = (
    facts.workspace,
    facts.catalogs,
    facts.echo,
    facts.usage,
    facts.events,
    facts.delivery_overview,
    connections.sources,
    connections.destinations,
    connections.filters,
    loading.warehouses,
    governance.tracking_plans,
    governance.transformations,
    governance.functions,
    governance.inserted_functions,
    people.people,
    privacy.regulations,
)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_a_client_finds_what_it_knows(ask, flow):
    ask.walk(flow)


def test_no_operation_is_left_out(ask):
    for flow in FLOWS:
        ask.walk(flow)
    unwritable = set() if ask.client.writes_objects else {"removeRulesFromTrackingPlan"}
    assert ask.served == SERVED - unwritable
