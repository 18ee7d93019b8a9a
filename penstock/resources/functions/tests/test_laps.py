"""What the data plane is told of a function of a source."""

import pytest

from penstock.resources.functions.instance_rows import Instance
from penstock.resources.functions.laps import begun, lap_of


def instance(function_id="ifns_1", *, enabled=True):
    return Instance("i", "w", function_id, "s", "n", enabled, "{}", b"", 100, 100)


@pytest.mark.parametrize(("function_id", "lap"), [("ifns_1", "INSERT_SOURCE"), ("sfnc_1", "SOURCE"), ("ifnd_1", "")])
def test_the_id_of_a_function_tells_whether_it_stands_at_a_source(function_id, lap):
    assert lap_of(instance(function_id)) == lap


def test_one_that_is_enabled_again_begins_anew_so_that_it_reads_nothing_once_more():
    assert begun(instance(enabled=False), instance(), 200).created_at == 200
    assert begun(instance(), instance(), 200).created_at == 100
    assert begun(instance(), instance(enabled=False), 200).created_at == 100
    assert begun(instance("ifnd_1", enabled=False), instance("ifnd_1"), 200).created_at == 100
