"""One instance for all clients; the modules that lie beside the tests are shared by them."""

import itertools
import sys
from pathlib import Path

import pytest

from penstock.testing.instance import Instance
from penstock.testing.sender import sender, track

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from real_clients import NODE, PYTHON, Stage  # noqa: E402 - they lie beside

_numbers = itertools.count()
SETTINGS = {"PENSTOCK_SYNC_SECONDS": "600", "PENSTOCK_UNKNOWN_KEY_RATE": "10"}


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory):
    """Where the Node client stands, installed from its lock file."""
    return NODE.install(tmp_path_factory.mktemp("node-client"))


@pytest.fixture(scope="session")
def stage(tmp_path_factory, node_folder):
    with Instance(tmp_path_factory.mktemp("clients") / "data", SETTINGS) as instance, Stage(instance) as stage:
        with sender(instance.url, instance.ready["writeKey"]) as send:
            send.send(track("first"))  # a warehouse in which nothing was ever loaded cannot be asked
        yield stage


@pytest.fixture(params=[PYTHON, NODE], ids=["python", "node"])
def client(request, node_folder):
    """Each of the two clients in turn."""
    return request.param


@pytest.fixture
def slug():
    """The slug of a source of the test's own."""
    return f"reaction-{next(_numbers)}"


@pytest.fixture
def answers(stage):
    """The statuses that passed the proxy during this test, with their times."""
    stage.proxy.answers.clear()
    return stage.proxy.answers
