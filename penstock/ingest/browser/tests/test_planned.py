import gzip
import json
from types import SimpleNamespace

import msgspec
import pytest

from penstock.infra.snapshots.tables import Tables
from penstock.ingest.browser.planned import OPEN
from penstock.ingest.browser.routes import BrowserRoutes
from penstock.ingest.peers import Peers
from penstock.spec.snapshot import (
    ControlSnapshot,
    PlanSnapshot,
    RuleSnapshot,
    SchemaControlsSnapshot,
    SchemaFiltersSnapshot,
    SnapshotEnvelope,
    SnapshotKind,
    SourceSnapshot,
)

ON, OFF = {"enabled": True, "integrations": {}}, {"enabled": False, "integrations": {}}
BLOCKING = SchemaControlsSnapshot(ControlSnapshot(allows_unplanned_events=False))


class Exchange:
    def response_bytes(self, status, headers, body):
        self.status, self.headers, self.body = status, dict(headers), body

    def response_empty(self, status, headers):
        self.response_bytes(status, headers, b"")


class Edge:
    """The browser paths over published configuration."""

    def __init__(self):
        self.tables = Tables()
        self.routes = BrowserRoutes(None, self, Peers([]), "https://cdp.test")

    def __getattr__(self, name):
        return getattr(self.tables.current, name)

    def publish(self, kind, snapshot):
        envelope = SnapshotEnvelope(kind, snapshot.id, "ws1", snapshot.version, False)
        self.tables.apply(envelope, snapshot, self.tables.current.version + 1)

    def source(self, controls=BLOCKING, plan="tp_1", key="wk", blocked=()):
        made = SourceSnapshot(f"src_{key}", "ws1", 1, "web", "Web", True, [key], 0, "web", plan_id=plan)
        filters = SchemaFiltersSnapshot(list(blocked))
        self.publish(SnapshotKind.SOURCE, msgspec.structs.replace(made, controls=controls, filters=filters))

    def plan(self, *rules):
        made = [RuleSnapshot(type_, name, version, b"{}") for type_, name, version in rules]
        self.publish(SnapshotKind.PLAN, PlanSnapshot("tp_1", "ws1", 1, "Web", made))

    def delete_plan(self):
        envelope = SnapshotEnvelope(SnapshotKind.PLAN, "tp_1", "ws1", 2, True)
        self.tables.apply(envelope, None, self.tables.current.version + 1)

    async def settings(self, key="wk", **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange = Exchange()
        path = f"/v1/projects/{key}/settings"
        await self.routes.answer(SimpleNamespace(method="GET", path=path, headers=names), exchange)
        return exchange

    async def told(self, key="wk"):
        return json.loads((await self.settings(key)).body)["plan"]


@pytest.fixture
def edge():
    made = Edge()
    made.source()
    made.plan(("TRACK", "Signup", 1), ("TRACK", "Signup", 2), ("TRACK", "Größe", 1), ("IDENTIFY", "", 1))
    return made


async def test_fc75_browsers_are_told_to_drop_what_a_blocking_source_has_not_planned(edge):
    assert await edge.told() == {
        "track": {"Signup": ON, "Größe": ON, "__default": OFF},
        "identify": {"__default": {"enabled": True}},
        "group": {"__default": {"enabled": True}},
    }


async def test_fc75_a_changed_plan_or_setting_changes_body_and_tag(edge):
    tags = [(await edge.settings()).headers["etag"]]
    assert (await edge.settings(if_none_match=tags[0])).status == 304

    async def told_anew():
        answer = await edge.settings(if_none_match=tags[-1])
        assert answer.status == 200
        tags.append(answer.headers["etag"])
        return json.loads(answer.body)["plan"]["track"]

    edge.plan(("TRACK", "New", 1))
    assert await told_anew() == {"New": ON, "__default": OFF}
    edge.source(controls=SchemaControlsSnapshot())
    assert await told_anew() == {"__default": ON}
    edge.source()
    assert await told_anew() == {"New": ON, "__default": OFF}
    edge.delete_plan()
    assert await told_anew() == {"__default": ON}


async def test_a_source_that_has_no_plan_or_blocks_nothing_tells_no_names(edge):
    edge.source(plan="", key="free")
    edge.source(plan="tp_late", key="late")
    edge.source(controls=SchemaControlsSnapshot(), key="telling")
    for key in ("free", "late", "telling"):
        assert (await edge.told(key))["track"] == {"__default": ON}


async def test_an_event_cannot_take_the_place_of_the_default(edge):
    edge.plan(("TRACK", "__default", 1))
    assert (await edge.told())["track"] == {"__default": OFF}


@pytest.mark.parametrize(("count", "name"), [(2_001, "{}"), (1_000, "{:0500}")])
async def test_a_plan_that_is_too_large_for_browsers_is_left_to_the_pipeline(edge, count, name):
    edge.plan(*[("TRACK", name.format(number), 1) for number in range(count)])
    assert (await edge.told())["track"] == {"__default": ON}


async def test_a_large_plan_is_packed_and_is_the_same_unpacked(edge):
    edge.plan(*[("TRACK", f"Event {number}", 1) for number in range(2_000)])
    packed, plain = await edge.settings(accept_encoding="gzip"), await edge.settings()
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 5
    assert len(json.loads(plain.body)["plan"]["track"]) == 2_001


async def test_nothing_is_made_again_while_nothing_changes(edge):
    edge.source(key="other")
    plan = edge.routes._plans.of(edge.sources["src_wk"], edge.plans)
    assert plan is edge.routes._plans.of(edge.sources["src_other"], edge.plans) is not OPEN
    first = edge.routes._settings_of("wk", edge.routes._origins.of(None))
    assert edge.routes._settings_of("wk", edge.routes._origins.of(None)) is first


async def test_fc75_browsers_drop_what_a_source_without_a_plan_blocks_by_name(edge):
    edge.source(plan="", key="free", blocked=[("track", "Noise"), ("page", "Cart")])
    assert (await edge.told("free"))["track"] == {"Noise": OFF, "__default": ON}
    edge.source(plan="", key="free", blocked=[("track", "Other")])
    assert (await edge.told("free"))["track"] == {"Other": OFF, "__default": ON}
    edge.source(plan="", key="free")
    assert (await edge.told("free"))["track"] == {"__default": ON}


async def test_filters_are_told_to_nobody_while_a_plan_judges(edge):
    edge.source(controls=SchemaControlsSnapshot(), blocked=[("track", "Noise")])
    assert (await edge.told())["track"] == {"__default": ON}


async def test_filters_past_the_limit_are_not_told_and_act_in_the_pipeline_alone(edge):
    edge.source(plan="", key="free", blocked=[("track", f"{number} {'x' * 250}") for number in range(1_000)])
    assert (await edge.told("free"))["track"] == {"__default": ON}
