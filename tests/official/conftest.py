"""One instance for all clients, and each of them in turn."""

import pytest

from penstock.testing.instance import Instance
from penstock.testing.setup import data_of
from tests.official.asking import Asking
from tests.official.dialects import DIALECTS, WrittenClient
from tests.official.terraform.provider import Provider
from tests.official.typescript import TypeScriptClient

SETTINGS = {"PENSTOCK_SYNC_SECONDS": "600", "PENSTOCK_API_RATE_FACTOR": "1000"}


@pytest.fixture(scope="session")
def instance(tmp_path_factory):
    """With limits so wide that nobody meets them, but told in every answer."""
    with Instance(tmp_path_factory.mktemp("official") / "data", SETTINGS) as started:
        yield started


@pytest.fixture(scope="session")
def typescript(tmp_path_factory, instance):
    with TypeScriptClient(tmp_path_factory.mktemp("client"), instance.url, instance.ready["token"]) as client:
        yield client


@pytest.fixture(scope="session")
def join(instance):
    """By our own operations, as the link in an invite does."""

    def accepted(email: str) -> str:
        with instance.api() as api:
            made = data_of(api.post("/penstock/invites/token", json={"email": email}))
            headers = {"Authorization": f"Bearer {made['invite']['token']}"}
            user = data_of(api.post("/penstock/invites/accept", json={}, headers=headers))["user"]
            return str(user["id"])

    return accepted


@pytest.fixture(scope="module", params=["typescript", *DIALECTS], ids=lambda each: getattr(each, "name", each))
def ask(request, instance, join):
    """A client at work."""
    if request.param == "typescript":
        yield Asking(request.getfixturevalue("typescript"), join)
        return
    client = WrittenClient(request.param, instance.url, instance.ready["token"])
    yield Asking(client, join)
    client.close()


@pytest.fixture(scope="session")
def provider(instance):
    """The Terraform provider."""
    started = Provider(instance.url, instance.ready["token"])
    yield started
    started.close()
