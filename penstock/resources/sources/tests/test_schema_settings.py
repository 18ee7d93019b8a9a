import pytest

from penstock.resources.sources.schema_settings import DEFAULTS
from penstock.spec.snapshot import ControlSnapshot, SchemaControlsSnapshot
from penstock.testing.control_plane import V1

HTTP_API = "iUM16Md8P2"


class Sources:
    """One with a tracking plan (once `connect` was called), and one to forward to."""

    def __init__(self, control, source_id, other_id):
        self.control, self.id, self.other = control, source_id, other_id
        self.path = f"/sources/{source_id}/settings"

    async def connect(self):
        plan = (await self.control.data("POST", "/tracking-plans", {"name": "Web", "type": "LIVE"}))["trackingPlan"]
        await self.control.data("POST", f"/tracking-plans/{plan['id']}/sources", {"sourceId": self.id})
        return f"/tracking-plans/{plan['id']}/sources?sourceId={self.id}"

    async def change(self, body):
        return (await self.control.data("PATCH", self.path, body, accept=V1))["settings"]

    async def settings(self):
        found = await self.control.data("GET", self.path, accept=V1)
        assert found["sourceId"] == self.id
        return found["settings"]

    async def controls(self):
        """As the data plane was told last."""
        told = [each for envelope, each in await self.control.outbox() if envelope.id == self.id]
        return told[-1].controls


@pytest.fixture
async def sources(control):
    (first,) = (await control.data("GET", "/sources"))["sources"]
    other = (await control.data("POST", "/sources", {"slug": "other", "metadataId": HTTP_API}))["source"]
    return Sources(control, first["id"], other["id"])


async def test_all_is_allowed_until_it_is_forbidden(sources):
    assert await sources.settings() == DEFAULTS
    assert await sources.controls() == SchemaControlsSnapshot()


async def test_what_a_plan_judges_by_is_refused_by_name_until_there_is_one(sources):
    """FC-86."""
    body = {"track": {"allowUnplannedEvents": False, "commonEventOnViolations": "BLOCK"}, "group": {}}
    before = await sources.control.outbox()
    answer = await sources.control.ask("PATCH", sources.path, body | {"forwardingViolationsTo": "x"}, accept=V1)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [
        "track.allowUnplannedEvents",
        "track.commonEventOnViolations",
        "group",
        "forwardingViolationsTo",
    ]
    assert await sources.settings() == DEFAULTS
    assert await sources.control.outbox() == before
    await sources.connect()
    assert (await sources.change(body))["track"] == DEFAULTS["track"] | body["track"]


async def test_what_is_sent_is_changed_and_all_else_stays(sources):
    await sources.connect()
    await sources.change({"track": {"allowUnplannedEvents": False}, "identify": {"allowUnplannedTraits": False}})
    changed = await sources.change({"track": {"allowPropertiesOnViolations": False}})
    assert changed == await sources.settings()
    assert changed["track"] == DEFAULTS["track"] | {"allowUnplannedEvents": False, "allowPropertiesOnViolations": False}
    assert changed["identify"]["allowUnplannedTraits"] is False


async def test_the_data_plane_is_told(sources):
    await sources.connect()
    track = {
        "allowUnplannedEvents": False,
        "allowUnplannedEventProperties": False,
        "allowEventOnViolations": True,
        "allowPropertiesOnViolations": False,
        "commonEventOnViolations": "OMIT_PROPERTIES",
    }
    traits = {"allowUnplannedTraits": False, "allowTraitsOnViolations": True, "commonEventOnViolations": "OMIT_TRAITS"}
    group = {"allowTraitsOnViolations": False, "commonEventOnViolations": "block"}
    forwarded = {"forwardingViolationsTo": sources.other, "forwardingBlockedEventsTo": sources.other}
    changed = await sources.change({"track": track, "identify": traits, "group": group} | forwarded)
    assert changed["group"]["commonEventOnViolations"] == "BLOCK"
    assert await sources.controls() == SchemaControlsSnapshot(
        track=ControlSnapshot(False, False, True, False, "OMIT"),
        identify=ControlSnapshot(True, False, True, True, "OMIT"),
        group=ControlSnapshot(True, True, True, False, "BLOCK"),
        violations_to=sources.other,
        blocked_to=sources.other,
    )


@pytest.mark.parametrize("off", [{}, {"forwardingViolationsTo": None}, {"forwardingViolationsTo": ""}])
async def test_a_forwarding_that_is_left_out_ends(sources, off):
    await sources.connect()
    await sources.change({"forwardingViolationsTo": sources.other})
    assert await sources.change(off) == DEFAULTS
    assert (await sources.controls()).violations_to == ""


@pytest.mark.parametrize("name", ["forwardingViolationsTo", "forwardingBlockedEventsTo"])
async def test_events_are_forwarded_to_another_source_that_is_there(sources, name):
    await sources.connect()
    for target in ("nothing", sources.id):
        answer = await sources.control.ask("PATCH", sources.path, {name: target}, accept=V1)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == name


async def test_without_its_plan_a_source_reads_the_defaults_and_with_one_what_was_set(sources):
    connection = await sources.connect()
    await sources.change({"track": {"allowUnplannedEvents": False}})
    await sources.control.data("DELETE", connection)
    assert await sources.settings() == DEFAULTS
    await sources.connect()
    assert (await sources.settings())["track"]["allowUnplannedEvents"] is False


async def test_a_change_stands_in_the_trail(sources):
    await sources.change({})
    trail = await sources.control.data("GET", "/audit-events", accept=V1)
    assert "Source Modified" in [each["type"] for each in trail["events"]]
