import pytest

from penstock.spec.quarantine import EndedHeld, HeldEvent, HeldEvents

HELD = HeldEvent(
    "0-7-1",
    "s1",
    "",
    "",
    "track",
    "Order",
    "m1",
    "u1",
    "FILTERED_AT_SOURCE",
    "unplanned",
    0,
    0,
    1_000,
    "",
    b'{"a":1}',
)


@pytest.fixture
def asked(control):
    """What the engine was asked last."""
    control.roles.replies |= {"FindHeld": HeldEvents([HELD], "0-7-1"), "EndHeld": EndedHeld(3, 1, has_more=True)}
    return lambda: control.roles.asked[-1]


class TestList:
    async def test_events_are_told_without_their_bodies(self, control, asked):
        found = await control.data("GET", "/penstock/quarantine")
        (event,) = found["events"]
        assert (event["id"], event["reason"], event["heldAt"]) == ("0-7-1", "unplanned", "1970-01-01T00:00:01.000Z")
        assert "event" not in event
        assert found["next"] == "0-7-1"

    async def test_the_filters_are_handed_on_with_the_askers_workspace(self, control, asked):
        query = "sourceId=s1&reason=unplanned&since=1970-01-01T00:00:01Z&count=5&after=0-7-1&ids=a&ids=b"
        await control.data("GET", f"/penstock/quarantine?{query}")
        call = asked()
        assert (call.limit, call.after, call.wanted.source_id, call.wanted.since) == (5, "0-7-1", "s1", 1_000)
        assert call.wanted.ids == ["a", "b"]
        assert call.wanted.workspace_id == control.first_run.workspace_id

    @pytest.mark.parametrize("query", ["since=yesterday", "count=0", "count=many", "after=0-7", "after=x"])
    async def test_what_cannot_be_read_is_refused_by_name(self, control, asked, query):
        answer = await control.ask("GET", f"/penstock/quarantine?{query}")
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


class TestOne:
    async def test_one_is_told_with_its_body(self, control, asked):
        assert (await control.data("GET", "/penstock/quarantine/0-7-1"))["event"] == {"a": 1}
        assert asked().wanted.ids == ["0-7-1"]

    async def test_what_is_not_there_is_not_found(self, control):
        control.roles.replies["FindHeld"] = HeldEvents([])
        assert (await control.ask("GET", "/penstock/quarantine/0-7-1")).status_code == 404


@pytest.mark.parametrize("action", ["replay", "drop"])
class TestEnd:
    async def test_what_is_meant_leaves_and_is_counted_and_audited(self, control, asked, action):
        told = await control.data("POST", f"/penstock/quarantine/{action}", {"reason": "unplanned", "limit": 7})
        assert told == {"count": 3, "kept": 1, "hasMore": True}
        assert (asked().action, asked().limit, asked().wanted.reason) == (action, 7, "unplanned")

    async def test_an_empty_body_empties_nothing(self, control, asked, action):
        answer = await control.ask("POST", f"/penstock/quarantine/{action}", {})
        assert answer.json()["errors"][0]["field"] == "all"
        assert (await control.data("POST", f"/penstock/quarantine/{action}", {"all": True}))["count"] == 3

    async def test_without_an_engine_it_is_said_which_role_is_missing(self, control, action):
        answer = await control.ask("POST", f"/penstock/quarantine/{action}", {"all": True})
        assert (answer.status_code, answer.json()["errors"][0]["data"]) == (503, {"role": "engine"})
