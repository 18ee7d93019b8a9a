"""What most modules of this folder start, each once for all its tests: an installation, its API, and a receiver."""

import pytest

from penstock.testing.instance import Instance
from penstock.testing.receiver import Receiver


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """Whose API has no limit of requests."""
    with Instance(tmp_path_factory.mktemp("instance") / "data", {"PENSTOCK_API_RATE_FACTOR": "0"}) as running:
        yield running


@pytest.fixture(scope="module")
def api(instance):
    with instance.api() as client:
        yield client
