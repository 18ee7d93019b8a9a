"""A version names what stands behind it: snapshots are published and views of lists are kept by it.

Whatever an operation changes, and by whichever of its fields: what says something else has a higher version, is published
so, and is listed so.
"""

from collections import defaultdict

import msgspec
import pytest
from sqlalchemy import select

from penstock.api.kept_answers import KeptAnswers
from penstock.api.kept_views import KeptViews
from penstock.api.outbox import outbox
from penstock.resources import slices
from penstock.resources.comparing import is_same
from penstock.resources.sources import listing
from penstock.spec.snapshot import SnapshotKind, decode_snapshot
from penstock.testing.control_plane import V1
from tests.contract.scenario import cases, prepare

CHANGING = {operation.id for operation in slices.OPERATIONS if operation.changes and not operation.is_ours}
EXPECTED = {
    SnapshotKind.SOURCE: {
        "updateSource",
        "createWriteKeyForSource",
        "removeWriteKeyFromSource",
        "updateSchemaSettingsInSource",
        "addSourceToTrackingPlan",
        "removeSourceFromTrackingPlan",
        "updateTransformation",
        "deleteTransformation",
    },
    SnapshotKind.DESTINATION: {
        "updateDestination",
        "createDestinationSubscription",
        "updateSubscriptionForDestination",
        "removeSubscriptionFromDestination",
        "createFilterForDestination",
        "updateFilterForDestination",
        "removeFilterFromDestination",
        "createTransformation",
        "createInsertFunctionInstance",
    },
    SnapshotKind.WAREHOUSE: {
        "updateWarehouse",
        "updateSelectiveSyncForWarehouse",
        "replaceAdvancedSyncScheduleForWarehouse",
        "addConnectionFromSourceToWarehouse",
        "removeSourceConnectionFromWarehouse",
    },
    SnapshotKind.PLAN: {"replaceRulesInTrackingPlan", "updateRulesInTrackingPlan"},
    SnapshotKind.FUNCTION: {"updateFunction"},
}
"""Some that must be seen to change something of a kind: the scenario would prove nothing if they did not."""
RELISTED = {"createSource", "updateSource", "addLabelsToSource", "replaceLabelsInSource", "createWriteKeyForSource"}
"""The same of what a list of sources tells."""
BESIDE = {
    "updateSource": [{"enabled": False}, {"enabled": True}, {"slug": "renamed"}],
    "updateDestination": [{"enabled": False}, {"enabled": True}, {"settings": {"sharedSecret": "other"}}],
    "updateFilterForDestination": [{"enabled": True}],
    "updateWarehouse": [{"enabled": False}, {"enabled": True}, {"name": "m"}, {"settings": {"x": "y"}}],
    "updateTransformation": [{"enabled": False}, {"enabled": True}],
}
"""Bodies besides the scenario's."""


def bodies_of(case):
    """The case's own, after those with one of its fields alone: each must count by itself."""
    others = BESIDE.get(case.operation, [])
    if case.method != "PATCH" or not isinstance(case.body, dict):
        return [case.body, *others]
    inner = case.body.get("input", case.body)
    alone = [{field: value} for field, value in inner.items()]
    return [*({"input": each} if inner is not case.body else each for each in alone), case.body, *others]


async def snapshots_of(control):
    """What the rows tell, by kind and id."""
    async with control.database.reading() as connection:
        rows = await slices.select_snapshots(connection, control.sealer)
    return {(kind, snapshot.id): snapshot for kind, snapshot in rows}


def without_version(snapshot):
    return msgspec.structs.replace(snapshot, version=0)


async def listed(control, views, monkeypatch):
    """The sources, with what is kept in `views`."""
    monkeypatch.setattr(listing, "_views", views)
    # As if in another process: an answer that is kept whole would tell nothing of the views.
    monkeypatch.setattr(control.api, "_answers", KeptAnswers())
    return (await control.data("GET", "/sources?pagination[count]=200", accept=V1))["sources"]


class Watch:
    """Looks after each request whether what is different has another version."""

    def __init__(self, control, monkeypatch):
        self._control = control
        self._monkeypatch = monkeypatch
        self._views = KeptViews()
        self._known = {}
        self._published = {}
        self._drained = 0
        self._listed = []
        self.changed = defaultdict(set)
        """Operations by the kind of what they changed."""
        self.relisted = set()

    async def look(self, operation):
        control, found = self._control, await snapshots_of(self._control)
        await self._drain()
        for key, snapshot in found.items():
            before = self._known.get(key)
            if before is not None and not is_same(without_version(before), without_version(snapshot), control.sealer):
                assert snapshot.version > before.version, (operation, key)
                self.changed[key[0]].add(operation)
            assert key in self._published, (operation, key)
            assert is_same(self._published[key], snapshot, control.sealer), (operation, key)
        assert self._published.keys() == found.keys(), operation
        self._known = found
        kept = await listed(control, self._views, self._monkeypatch)
        assert kept == await listed(control, KeptViews(), self._monkeypatch), operation
        if kept != self._listed:
            self.relisted.add(operation)
        self._listed = kept

    async def _drain(self):
        """What the data plane holds once the outbox is drained; a lower version never replaces a higher one."""
        async with self._control.database.reading() as connection:
            query = select(outbox).where(outbox.c.number > self._drained).order_by(outbox.c.number)
            rows = (await connection.execute(query)).all()
        for row in rows:
            envelope, snapshot = decode_snapshot(row.payload)
            self._drained = row.number
            if snapshot is None:
                self._published.pop((SnapshotKind(envelope.kind), envelope.id), None)
            else:
                self._published[SnapshotKind(envelope.kind), envelope.id] = snapshot


@pytest.mark.one_database
async def test_no_operation_changes_what_a_version_stands_for(control, monkeypatch):
    ids = await prepare(control)
    watch = Watch(control, monkeypatch)
    await watch.look("what prepares the scenario")
    asked = set()
    for case in cases(ids, is_official=True):
        if case.operation not in CHANGING:
            continue
        for body in bodies_of(case):
            control.clock.advance(61)
            answer = await control.ask(case.method, case.path, body, accept=V1)
            assert answer.status_code < 500, answer.text
            if answer.is_success:
                await watch.look(case.operation)
                asked.add(case.operation)
    missed = {kind: sorted(operations - watch.changed[kind]) for kind, operations in EXPECTED.items()}
    assert {kind: operations for kind, operations in missed.items() if operations} == {}
    assert watch.relisted >= RELISTED
    assert CHANGING - asked == set()
