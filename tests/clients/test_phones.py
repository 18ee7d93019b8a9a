"""FC-24: what the Kotlin SDK reads in its settings, and where it sends its events after that."""

import httpx
from other_sdks import SDKS

KOTLIN = next(sdk for sdk in SDKS if sdk.name == "kotlin")
OBJECTS = (
    *("integrations", "plan", "edgeFunction", "middlewareSettings", "metrics", "consentSettings"),
    "autoInstrumentation",
)
"""Members that its typed decoder takes as objects alone: with another type it uses no settings at all."""


def test_fc24_a_phone_is_told_the_host_that_it_has_used_and_sends_its_events_there(stage):
    key = stage.key("phone")
    answer = httpx.get(f"{stage.url}/v1/projects/{key}/settings")
    assert answer.status_code == 200
    found = answer.json()
    assert all(isinstance(found[name], dict) for name in OBJECTS if name in found)
    host = found["integrations"]["Segment.io"]["apiHost"]
    assert f"http://{host}" == f"{stage.url}/v1"
    assert set(found["integrations"]) == {"Segment.io"}

    events = KOTLIN.events("phone")
    port = int(host.partition("/")[0].rpartition(":")[2])
    assert KOTLIN.read(KOTLIN.ask(port, key, events)) == "taken"
    assert stage.loaded("phone") == {"phone-track": 1}


def test_fc24_a_phone_with_a_mistyped_key_is_told_so(stage):
    assert httpx.get(f"{stage.url}/v1/projects/{'A' * 32}/settings").status_code == 404
