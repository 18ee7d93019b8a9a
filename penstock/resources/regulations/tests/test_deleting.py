"""Deletions carried out by the job, with scripted roles: what is asked of them, what is told, and what a kill leaves."""

import msgspec
import pytest

from penstock.api.outbox import outbox
from penstock.infra.calls import RoleDown
from penstock.infra.snapshots import Snapshots
from penstock.kit.settings import Settings
from penstock.resources.regulations import Deleting, deleting, select_snapshots
from penstock.resources.regulations.deleting import TRIES
from penstock.resources.regulations.steps import gone_ms, store_named
from penstock.spec.calls import ForgetObjects, ForgetPeople, ForgetReport, ForwardDeletions, ForwardReport
from penstock.spec.deletions import Deletions
from penstock.spec.function_logs import DropLogs, DroppedLogs
from penstock.spec.quarantine import EndedHeld, EndHeld, FindAnonymous, FindAnonymousRows, FoundAnonymous
from penstock.spec.stores import REGISTER, STREAM_STORES, Keeps
from penstock.testing.control_plane import V1

HOUR = 3_600
WEBHOOK, XTREMEPUSH = "614a3c7d791c91c41bae7599", "661e9787658d112ba31b59a7"


class Roles:
    """Answers as the engine and warehousing would; `error` by warehouse, or RoleDown for all."""

    def __init__(self):
        self.asked = []
        self.errors = {}
        self.is_down = False
        self.down = set()
        """Roles of which none answers, where not all are down."""
        self.more = 0
        self.anonymous = {}
        """By role: ids beside the people who are asked for, and beside others."""
        self.reports = []
        """Of forwarded deletions, in order; then all are taken."""

    async def ask(self, call, reply_type, *, deadline_seconds):
        if self.is_down or call.ROLE in self.down:
            raise RoleDown(call.ROLE)
        self.asked.append(call)
        if isinstance(call, FindAnonymous):
            theirs, others = self.anonymous.get(call.ROLE, ((), ()))
            return FoundAnonymous(frozenset(theirs if call.among is None else others))
        if isinstance(call, EndHeld):
            self.more -= 1
            return EndedHeld(3, has_more=self.more >= 0)
        if isinstance(call, ForwardDeletions):
            return self.reports.pop(0) if self.reports else ForwardReport(len(call.user_ids))
        if isinstance(call, DropLogs):
            return DroppedLogs(4)
        error = self.errors.get(call.warehouse_id, "")
        return ForgetReport({} if error else {"shop.tracks": 2, "shop.users": 1}, error)

    def of(self, kind):
        return [call for call in self.asked if isinstance(call, kind)]


class Bench:
    """The job and what it is asked with."""

    def __init__(self, control, roles):
        self.control, self.roles = control, roles
        self.settings = Settings()
        self.job = self.restarted()

    def restarted(self):
        control = self.control
        return Deleting(control.database, self.roles, self.settings, control.clock, control._published)

    async def regulate(self, type_, *subject_ids, path="/regulations", subject_type="USER_ID", **more):
        self.control.clock.advance(1)
        body = {"regulationType": type_, "subjectType": subject_type, "subjectIds": list(subject_ids)} | more
        return (await self.control.data("POST", path, body, accept=V1))["regulateId"]

    async def publish_all(self):
        async with self.control.database.writing() as connection:
            await connection.execute(outbox.delete())

    async def round(self):
        await self.publish_all()
        await self.job.round()

    async def receipt(self, made):
        return (await self.control.data("GET", f"/penstock/regulations/{made}/receipt"))["receipt"]

    async def lines(self, made):
        return {(line["store"], line["id"]): line for line in (await self.receipt(made))["stores"]}

    async def regulation(self, made):
        return (await self.control.data("GET", f"/regulations/{made}", accept=V1))["regulation"]


@pytest.fixture
def bench(control):
    return Bench(control, Roles())


@pytest.fixture
async def source_id(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return source["id"]


@pytest.fixture
async def warehouse_id(control):
    (warehouse,) = (await control.data("GET", "/warehouses"))["warehouses"]
    return warehouse["id"]


async def test_a_deletion_reaches_quarantine_and_warehouses(bench, warehouse_id):
    made = await bench.regulate("DELETE_ONLY", "u-1", "u-2")
    await bench.round()
    (forget,) = bench.roles.of(ForgetPeople)
    assert (forget.warehouse_id, forget.user_ids, forget.source_id, forget.is_last) == (
        warehouse_id,
        ["u-1", "u-2"],
        "",
        True,
    )
    (erase,) = bench.roles.of(EndHeld)
    assert erase.action == "drop"
    assert erase.wanted.users == {"u-1", "u-2"}
    assert erase.wanted.workspace_id == bench.control.first_run.workspace_id
    lines = await bench.lines(made)
    assert (lines["warehouse", warehouse_id]["state"], lines["warehouse", warehouse_id]["rows"]) == ("DONE", 3)
    assert (lines["quarantine", ""]["state"], lines["quarantine", ""]["rows"]) == ("DONE", 3)
    assert "of an anonymous id that nobody else has" in lines["warehouse", warehouse_id]["method"]
    assert "others expire" in lines["quarantine", ""]["method"]
    assert lines["quarantine", ""]["goneAt"] > lines["warehouse", warehouse_id]["goneAt"], "because they expire later"
    found = await bench.regulation(made)
    assert found["overallStatus"] == "FINISHED"
    assert found["finishedAt"]
    (stream,) = found["streamStatus"]
    assert [(each["id"], each["status"], each["errString"]) for each in stream["destinationStatus"]] == [
        (warehouse_id, "FINISHED", "")
    ]


@pytest.mark.parametrize("type_", ["DELETE_INTERNAL", "SUPPRESS_WITH_DELETE_INTERNAL"])
async def test_an_internal_deletion_leaves_warehouses_alone(bench, type_):
    made = await bench.regulate(type_, "u-1")
    await bench.round()
    assert not bench.roles.of(ForgetPeople)
    assert bench.roles.of(EndHeld)
    assert (await bench.receipt(made))["status"] == "FINISHED"


async def test_the_receipt_has_a_line_for_every_store_that_keeps_people(bench):
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    lines = await bench.lines(made)
    keeping = {store.name for store in REGISTER if store.keeps in (Keeps.EVENTS, Keeps.IDS)}
    assert keeping <= {store for store, _ in lines}
    assert {store for (store, _), line in lines.items() if line["state"] != "DONE"} == {"control database"}
    assert lines["control database", ""]["state"] == "KEPT"
    for store, hours in (("routed", bench.settings.routed_hours), ("accepted", bench.settings.accepted_hours)):
        assert lines[store, ""]["goneAt"] > (await bench.receipt(made))["createdAt"], hours


async def test_what_holds_other_stores_is_gone_with_the_last_of_them(bench, warehouse_id):
    bench.roles.errors[warehouse_id] = "no way in"
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    embedded = (await bench.lines(made))["embedded warehouse", ""]
    assert (embedded["state"], embedded["goneAt"]) == ("PENDING", "")
    bench.roles.errors.clear()
    bench.control.clock.advance(HOUR)
    await bench.job.round()
    lines = await bench.lines(made)
    assert lines["embedded warehouse", ""]["goneAt"] == lines["warehouse", warehouse_id]["goneAt"] != ""
    streams = [lines[store.name, ""]["goneAt"] for store in STREAM_STORES if (store.name, "") in lines]
    assert lines["log engine", ""]["goneAt"] == max(streams)
    assert lines["retry", ""]["goneAt"] > (await bench.receipt(made))["createdAt"]


async def test_a_warehouse_that_is_not_reached_is_not_said_to_be_rid_of_anybody(bench):
    made = await bench.regulate("DELETE_INTERNAL", "u-1")
    await bench.round()
    embedded = (await bench.lines(made))["embedded warehouse", ""]
    assert (embedded["state"], embedded["goneAt"]) == ("KEPT", "")


def test_a_store_has_its_bytes_for_longer_than_it_is_read():
    gone = {store.name: gone_ms(store, Settings()) for store in REGISTER}
    hours = {name: ms / 3_600_000 for name, ms in gone.items() if ms is not None}
    assert hours == {
        "accepted": 48 + 6,
        "routed": 168 + 24 + 6,
        "retry": 336 + 6,
        "quarantine": 336 + 6,
        "settled": 24 + 6,
        "facts": 24 + 6,
        "dedupe index": 24 + 31 * 24,
    }
    assert gone_ms(store_named("routed"), Settings(max_lag_hours=300.0)) == (300 + 24 + 6) * 3_600_000


async def test_a_store_of_which_nobody_knows_how_it_forgets_is_told(bench, monkeypatch):
    unknown = REGISTER[0].__class__("new store", ("new.*",), Keeps.EVENTS, "somehow", "some day")
    monkeypatch.setattr("penstock.resources.regulations.steps.REGISTER", (*REGISTER, unknown))
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    assert (await bench.lines(made))["new store", ""]["state"] == "FAILED"
    assert (await bench.receipt(made))["status"] == "PARTIAL_SUCCESS"


class TestDestinations:
    @pytest.fixture
    async def asked(self, bench, control, source_id):
        """Makes a destination and asks for the deletion; returns what the API and the receipt tell of it."""

        async def asked(metadata_id, *user_ids, rounds=1):
            settings = {"url": "https://push.example", "apiKey": "k"} if metadata_id == XTREMEPUSH else {}
            body = {"sourceId": source_id, "metadataId": metadata_id, "name": "Hook", "settings": settings}
            destination = (await control.data("POST", "/destinations", body))["destination"]
            made = await bench.regulate("SUPPRESS_WITH_DELETE", *user_ids)
            await bench.round()
            for _ in range(rounds):
                await bench.job.forward()
            found = await bench.regulation(made)
            (stream,) = found["streamStatus"]
            (told,) = (each for each in stream["destinationStatus"] if each["id"] == destination["id"])
            return found["overallStatus"], told, (await bench.lines(made))["destination", destination["id"]]

        return asked

    async def test_who_takes_deletions_is_told_of_each_person(self, bench, asked):
        status, told, line = await asked(XTREMEPUSH, "u-1", "u-2")
        (call,) = bench.roles.of(ForwardDeletions)
        assert call.user_ids == ["u-1", "u-2"]
        assert 0 < bench.control.clock.now_ms() - call.timestamp < 1_000
        assert (status, told["name"], told["status"], told["errString"]) == ("FINISHED", "Hook", "FINISHED", "")
        assert told["finishedAt"]
        assert (line["state"], line["rows"], line["method"]) == ("DONE", 2, "the deletion is forwarded")

    async def test_which_functions_it_went_past_is_told_where_that_succeeds(self, bench, asked):
        bench.roles.reports = [ForwardReport(1, without_handler=["Hashes", "Enriches"])]
        status, told, line = await asked(XTREMEPUSH, "u-1")
        assert (status, told["status"]) == ("FINISHED", "FINISHED")
        assert line["method"] == "the deletion is forwarded; without an onDelete, so past it: Hashes, Enriches"

    async def test_who_takes_none_is_told_not_to_be_supported(self, bench, asked):
        status, told, _ = await asked(WEBHOOK, "u-1")
        assert not bench.roles.of(ForwardDeletions)
        assert (status, told["status"], told["finishedAt"]) == ("PARTIAL_SUCCESS", "NOT_SUPPORTED", "")

    async def test_a_function_that_has_no_handler_is_told_not_to_be_supported(self, bench, asked):
        bench.roles.reports = [ForwardReport(error="the function has no onDelete", is_supported=False)]
        status, told, _ = await asked(XTREMEPUSH, "u-1")
        assert (status, told["status"]) == ("PARTIAL_SUCCESS", "NOT_SUPPORTED")
        assert told["errString"] == "the function has no onDelete"

    async def test_it_is_told_of_many_a_few_at_a_time_and_goes_on_after_an_error(self, bench, asked, monkeypatch):
        monkeypatch.setattr(deleting, "FORWARDED_AT_ONCE", 2)
        bench.roles.reports = [ForwardReport(2), ForwardReport(1, error="503: later")]
        people = [f"u-{number}" for number in range(5)]
        status, told, line = await asked(XTREMEPUSH, *people, rounds=3)
        assert (status, told["status"], told["errString"], line["rows"]) == ("RUNNING", "RUNNING", "503: later", 3)
        bench.control.clock.advance(5)
        await bench.job.forward()
        assert [call.user_ids for call in bench.roles.of(ForwardDeletions)] == [people[:2], people[2:4], people[3:]]
        ((_, line),) = [
            each for each in (await bench.lines(await self.last(bench))).items() if each[0][0] == "destination"
        ]
        assert (line["state"], line["rows"], line["error"]) == ("DONE", 5, "")

    async def last(self, bench):
        return (await bench.control.data("GET", "/regulations", accept=V1))["regulations"][0]["id"]

    async def test_whom_it_refuses_is_passed_over_and_told(self, bench, asked):
        bench.roles.reports = [ForwardReport(1, 1, refusal="400: no such user")]
        status, told, line = await asked(XTREMEPUSH, "u-1", "u-2")
        assert (status, told["status"], line["rows"]) == ("PARTIAL_SUCCESS", "FAILED", 1)
        assert told["errString"] == "1 of 2 were refused; 400: no such user"

    async def test_one_that_cannot_be_reached_for_a_day_has_failed_and_holds_up_nobody(self, bench, asked):
        bench.roles.reports = [ForwardReport(error="ECONNREFUSED") for _ in range(TRIES)]
        status, told, _ = await asked(XTREMEPUSH, "u-1")
        assert (status, told["status"]) == ("RUNNING", "RUNNING")
        assert bench.roles.of(ForgetPeople)
        for _ in range(TRIES):
            bench.control.clock.advance(HOUR)
            await bench.job.forward()
        assert len(bench.roles.of(ForwardDeletions)) == TRIES
        assert (await bench.receipt(await self.last(bench)))["status"] == "PARTIAL_SUCCESS"

    async def test_a_kill_between_its_answer_and_what_is_written_of_it_has_it_told_again(
        self, bench, asked, monkeypatch
    ):
        class Killed(BaseException):
            pass

        def killed(name):
            if name == "regulations.forwarded":
                raise Killed

        monkeypatch.setattr(deleting, "fault_point", killed)
        with pytest.raises(Killed):
            await asked(XTREMEPUSH, "u-1", "u-2")
        assert [call.user_ids for call in bench.roles.of(ForwardDeletions)] == [["u-1", "u-2"]]
        made = await self.last(bench)
        assert (await bench.receipt(made))["status"] == "RUNNING"
        monkeypatch.undo()
        bench.job = bench.restarted()
        await bench.job.forward()
        assert [call.user_ids for call in bench.roles.of(ForwardDeletions)] == [["u-1", "u-2"]] * 2
        (line,) = (line for place, line in (await bench.lines(made)).items() if place[0] == "destination")
        assert (line["state"], line["rows"], line["error"]) == ("DONE", 2, "")
        assert (await bench.receipt(made))["status"] == "FINISHED"
        await bench.job.forward()
        assert len(bench.roles.of(ForwardDeletions)) == 2, "what is done is not told again"

    async def test_an_internal_deletion_is_not_forwarded(self, bench, control, source_id):
        settings = {"url": "https://push.example", "apiKey": "k"}
        body = {"sourceId": source_id, "metadataId": XTREMEPUSH, "name": "Hook", "settings": settings}
        await control.data("POST", "/destinations", body)
        await bench.regulate("DELETE_INTERNAL", "u-1")
        await bench.round()
        await bench.job.forward()
        assert not bench.roles.of(ForwardDeletions)


class TestObjects:
    async def test_a_deletion_reaches_warehouses_and_requests_in_quarantine_and_no_destination(
        self, bench, control, source_id, warehouse_id
    ):
        settings = {"url": "https://push.example", "apiKey": "k"}
        body = {"sourceId": source_id, "metadataId": XTREMEPUSH, "name": "Push", "settings": settings}
        await control.data("POST", "/destinations", body)
        made = await bench.regulate("DELETE_ONLY", "o-1", "o-2", subject_type="OBJECT_ID")
        await bench.round()
        assert bench.roles.of(ForgetObjects) == [ForgetObjects(warehouse_id, ["o-1", "o-2"])]
        assert not bench.roles.of(ForgetPeople)
        (erase,) = bench.roles.of(EndHeld)
        assert (erase.wanted.objects, erase.wanted.users) == ({"o-1", "o-2"}, frozenset())
        lines = await bench.lines(made)
        assert (lines["warehouse", warehouse_id]["state"], lines["warehouse", warehouse_id]["rows"]) == ("DONE", 3)
        assert not [line for line in lines if line[0] == "destination"]
        found = await bench.regulation(made)
        assert found["overallStatus"] == "FINISHED"
        (stream,) = found["streamStatus"]
        assert [(each["id"], each["status"]) for each in stream["destinationStatus"]] == [(warehouse_id, "FINISHED")]

    async def test_that_of_a_collection_names_it_and_its_source(self, bench, source_id, warehouse_id):
        path = f"/regulations/cloudsources/{source_id}"
        await bench.regulate("DELETE_ONLY", "o-1", path=path, subject_type="OBJECT_ID", collection="Rooms")
        await bench.round()
        assert bench.roles.of(ForgetObjects) == [ForgetObjects(warehouse_id, ["o-1"], source_id, "rooms")]

    async def test_readers_of_history_know_which_objects_and_which_requests_are_meant(self, bench, control, source_id):
        path = f"/regulations/cloudsources/{source_id}"
        await bench.regulate("DELETE_ONLY", "o-1", path=path, subject_type="OBJECT_ID", collection="rooms")
        told = Snapshots()
        for envelope, snapshot in await control.outbox():
            told.apply(envelope, snapshot)
        now = control.clock.now_ms()
        deleted = Deletions(control.sealer.open).among(told.deletions_of(control.first_run.workspace_id))
        assert deleted.covers_object(source_id, "rooms", "o-1", now - 1)
        assert not deleted.covers_object(source_id, "rooms", "o-1", now + 60_000)
        assert not deleted.covers_object(source_id, "cats", "o-1", now - 1)
        assert not deleted.covers_object("another", "rooms", "o-1", now - 1)
        assert not deleted.covers(source_id, "o-1", None, now - 1)
        asked = {
            "messageId": "r",
            "receivedAt": "",
            "url": "",
            "headers": [],
            "body": '{"room":"o-1"}',
            "isForm": False,
        }
        assert deleted.covers_request(source_id, msgspec.json.encode(asked), now - 1)
        assert not deleted.covers_request("another", msgspec.json.encode(asked), now - 1)


async def test_the_scope_of_a_source_goes_with_what_is_asked(bench, control, source_id):
    await bench.regulate("DELETE_ONLY", "u-1", path=f"/regulations/sources/{source_id}")
    await bench.round()
    assert bench.roles.of(ForgetPeople)[0].source_id == source_id
    assert bench.roles.of(EndHeld)[0].wanted.source_id == source_id


async def test_of_a_person_goes_what_an_anonymous_id_has_that_is_theirs_alone_before_what_tells_so(bench):
    here, there, shared, known = (("s", name) for name in ("here", "there", "shared", "known"))
    bench.roles.anonymous = {"engine": ({here, shared}, {known}), "warehousing": ({there, known}, {shared})}
    made = await bench.regulate("DELETE_INTERNAL", "u-1")
    await bench.round()
    for asked in bench.roles.of(FindAnonymous):
        assert (asked.workspace_id, asked.source_id, asked.users) == (bench.control.first_run.workspace_id, "", {"u-1"})
        assert asked.among in (None, {here, there, shared, known})
    erased = [(call.wanted.anonymous, call.wanted.users) for call in bench.roles.of(EndHeld)]
    assert erased == [({here, there}, frozenset()), (frozenset(), {"u-1"})]
    assert (await bench.lines(made))["quarantine", ""]["rows"] == 6


async def test_a_warehouse_that_cannot_be_asked_tells_nothing_and_holds_nothing_up(bench, monkeypatch):
    here = ("s", "here")
    bench.roles.anonymous = {"engine": ({here}, ())}
    ask = bench.roles.ask

    async def refuse(call, reply_type, *, deadline_seconds):
        if isinstance(call, FindAnonymousRows):
            raise RoleDown(call.ROLE)
        return await ask(call, reply_type, deadline_seconds=deadline_seconds)

    monkeypatch.setattr(bench.roles, "ask", refuse)
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    assert bench.roles.of(EndHeld)[0].wanted.anonymous == {here}
    assert (await bench.receipt(made))["status"] == "FINISHED"


async def test_quarantine_is_asked_before_warehouses_lose_what_tells_whose_it_is(bench):
    await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    kinds = [type(call) for call in bench.roles.asked]
    assert kinds.index(FindAnonymousRows) < kinds.index(ForgetPeople)


async def test_an_anonymous_id_is_erased_from_quarantine_and_expires_elsewhere(bench, source_id):
    path = f"/regulations/sources/{source_id}"
    made = await bench.regulate("DELETE_ARCHIVE_ONLY", "a-1", path=path, subject_type="ANONYMOUS_ID")
    await bench.round()
    assert bench.roles.of(DropLogs) == [DropLogs(bench.control.first_run.workspace_id)]
    (erase,) = bench.roles.of(EndHeld)
    assert (erase.wanted.source_id, erase.wanted.anonymous) == (source_id, {(source_id, "a-1")})
    lines = await bench.lines(made)
    assert [(lines[store, ""]["state"], lines[store, ""]["rows"]) for store in ("function logs", "quarantine")] == [
        ("DONE", 4),
        ("DONE", 3),
    ]
    assert (await bench.receipt(made))["status"] == "FINISHED"


async def test_many_people_are_deleted_a_few_at_a_time_and_the_file_is_written_anew_once(bench, monkeypatch):
    monkeypatch.setattr(deleting, "SUBJECTS_AT_ONCE", 2)
    bench.roles.more = 2
    made = await bench.regulate("DELETE_ONLY", *(f"u-{number}" for number in range(5)))
    await bench.round()
    assert [(call.user_ids, call.is_last) for call in bench.roles.of(ForgetPeople)] == [
        (["u-0", "u-1"], False),
        (["u-2", "u-3"], False),
        (["u-4"], True),
    ]
    assert len(bench.roles.of(EndHeld)) == 3 + 2
    assert (await bench.lines(made))["quarantine", ""]["rows"] == 15


class TestLeft:
    """Warehouses that were deleted, and whose files stay."""

    async def test_a_deletion_reaches_a_warehouse_that_was_deleted_before_and_the_receipt_names_it(
        self, bench, control, warehouse_id
    ):
        await control.data("DELETE", f"/warehouses/{warehouse_id}")
        made = await bench.regulate("DELETE_ONLY", "u-1")
        await bench.round()
        (asked,) = bench.roles.of(ForgetPeople)
        assert (asked.warehouse_id, asked.has_left, asked.is_last) == (warehouse_id, True, True)
        line = (await bench.lines(made))["warehouse", warehouse_id]
        assert (line["state"], line["rows"], bool(line["goneAt"]), bool(line["name"])) == ("DONE", 3, True, True)
        assert "of a warehouse that was deleted" in line["method"]

    async def test_one_that_is_deleted_while_the_role_is_asked_is_asked_again_for_its_file(
        self, bench, control, warehouse_id
    ):
        real = bench.roles.ask

        async def deleting_it(call, *arguments, **named):
            report = await real(call, *arguments, **named)
            if isinstance(call, ForgetPeople) and not call.has_left:
                await control.data("DELETE", f"/warehouses/{warehouse_id}")
            return report

        bench.roles.ask = deleting_it
        made = await bench.regulate("DELETE_ONLY", "u-1")
        await bench.round()
        assert [each.has_left for each in bench.roles.of(ForgetPeople)] == [False, True]
        assert (await bench.receipt(made))["status"] == "FINISHED"

    async def test_a_warehouse_that_got_another_file_is_asked_once_for_both(self, bench, control, warehouse_id):
        await control.data("PATCH", f"/warehouses/{warehouse_id}", {"settings": {"file": "penstock-2.duckdb"}})
        await bench.regulate("DELETE_ONLY", "u-1")
        await bench.round()
        assert [(each.warehouse_id, each.has_left) for each in bench.roles.of(ForgetPeople)] == [(warehouse_id, True)]

    async def test_a_file_that_cannot_be_opened_is_told_and_tried_again(self, bench, control, warehouse_id):
        await control.data("DELETE", f"/warehouses/{warehouse_id}")
        bench.roles.errors[warehouse_id] = "cannot be opened: penstock.duckdb"
        made = await bench.regulate("DELETE_ONLY", "u-1")
        await bench.round()
        line = (await bench.lines(made))["warehouse", warehouse_id]
        assert (line["state"], line["error"]) == ("PENDING", "cannot be opened: penstock.duckdb")
        bench.roles.errors.clear()
        bench.control.clock.advance(5)
        await bench.round()
        assert (await bench.receipt(made))["status"] == "FINISHED"


class TestSeveral:
    """Deletions that wait together, as many ids make them."""

    async def test_a_warehouse_is_written_anew_once_for_all_of_them(self, bench, warehouse_id):
        made = [await bench.regulate("DELETE_ONLY", f"u-{number}") for number in range(3)]
        await bench.round()
        assert [call.is_last for call in bench.roles.of(ForgetPeople)] == [False, False, True]
        for each in made:
            assert (await bench.receipt(each))["status"] == "FINISHED"
            line = (await bench.lines(each))["warehouse", warehouse_id]
            assert (line["state"], line["rows"], bool(line["goneAt"])) == ("DONE", 3, True)

    async def test_none_is_done_where_that_fails_and_all_are_with_the_next(self, bench, warehouse_id):
        made = [await bench.regulate("DELETE_ONLY", f"u-{number}") for number in range(2)]
        real = bench.roles.ask

        async def failing(call, *arguments, **named):
            if isinstance(call, ForgetPeople) and call.is_last:
                return ForgetReport(error="no room")
            return await real(call, *arguments, **named)

        bench.roles.ask = failing
        await bench.round()
        assert {(await bench.receipt(each))["status"] for each in made} == {"RUNNING"}
        bench.roles.ask = real
        bench.control.clock.advance(5)
        await bench.round()
        assert {(await bench.receipt(each))["status"] for each in made} == {"FINISHED"}
        assert [call.is_last for call in bench.roles.of(ForgetPeople)] == [False, False, True]


async def test_long_ids_make_small_calls(bench, monkeypatch):
    monkeypatch.setattr(deleting, "SUBJECT_BYTES_AT_ONCE", 10)
    await bench.regulate("DELETE_ONLY", "u" * 8, "v" * 8, "w" * 20)
    await bench.round()
    assert [len(call.user_ids) for call in bench.roles.of(ForgetPeople)] == [1, 1, 1]


async def test_nothing_begins_before_the_data_plane_knows(bench):
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.job.round()
    assert not bench.roles.asked
    assert (await bench.receipt(made))["status"] == "INITIALIZED"


async def test_a_role_that_is_down_is_asked_again_later(bench):
    bench.roles.is_down = True
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    assert (await bench.receipt(made))["status"] == "RUNNING"
    bench.roles.is_down = False
    await bench.round()
    assert not bench.roles.asked
    bench.control.clock.advance(5)
    await bench.round()
    assert (await bench.receipt(made))["status"] == "FINISHED"
    assert {line["error"] for line in (await bench.lines(made)).values()} == {""}


async def test_a_warehouse_waits_for_quarantine_which_its_rows_tell_whose_an_anonymous_id_is(bench, warehouse_id):
    bench.roles.down = {EndHeld.ROLE}
    made = await bench.regulate("DELETE_ONLY", "u-1")
    await bench.round()
    assert not bench.roles.of(ForgetPeople)
    bench.roles.down.clear()
    bench.control.clock.advance(5)
    await bench.round()
    assert [call.warehouse_id for call in bench.roles.of(ForgetPeople)] == [warehouse_id]
    assert (await bench.receipt(made))["status"] == "FINISHED"


async def test_a_warehouse_that_refuses_for_a_day_has_failed(bench, warehouse_id):
    bench.roles.errors[warehouse_id] = "no way in"
    made = await bench.regulate("DELETE_ONLY", "u-1")
    for _ in range(TRIES):
        await bench.round()
        bench.control.clock.advance(HOUR)
    line = (await bench.lines(made))["warehouse", warehouse_id]
    assert (line["state"], line["error"]) == ("FAILED", "no way in")
    assert (await bench.receipt(made))["status"] == "PARTIAL_SUCCESS"
    await bench.round()
    assert len(bench.roles.of(ForgetPeople)) == TRIES


async def test_a_killed_job_goes_on_where_it_stood(bench, monkeypatch):
    monkeypatch.setattr(deleting, "SUBJECTS_AT_ONCE", 1)
    made = await bench.regulate("DELETE_ONLY", "u-0", "u-1", "u-2")
    real, left = bench.roles.ask, [4]

    class Killed(BaseException):
        pass

    async def dying(*arguments, **named):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return await real(*arguments, **named)

    bench.roles.ask = dying
    with pytest.raises(Killed):
        await bench.round()
    bench.roles.ask, bench.job = real, bench.restarted()
    await bench.round()
    assert (await bench.receipt(made))["status"] == "FINISHED"
    assert [call.user_ids for call in bench.roles.of(ForgetPeople)] == [["u-0"], ["u-1"], ["u-2"]]


class TestTelling:
    async def test_readers_of_history_know_at_once_and_until_there_is_none(self, bench, control, source_id):
        await bench.regulate("DELETE_ONLY", "u-1")
        told = Snapshots()
        for envelope, snapshot in await control.outbox():
            told.apply(envelope, snapshot)
        workspace_id, now = control.first_run.workspace_id, control.clock.now_ms()
        deleted = Deletions(control.sealer.open).among(told.deletions_of(workspace_id))
        assert deleted.covers(source_id, "u-1", None, now - 1)
        assert not deleted.covers(source_id, "u-1", None, now + 60_000)
        assert not deleted.covers(source_id, "u-2", None, now - 1)
        async with control.database.reading() as connection:
            rows = {each.id: each for _, each in await select_snapshots(connection)}
        assert rows == told.deletions
        assert b"u-1" not in rows.popitem()[1].digests

    async def test_what_has_no_history_any_more_is_told_no_more(self, bench, control):
        made = await bench.regulate("DELETE_ONLY", "u-1")
        await bench.round()
        control.clock.advance((336 + 72 + 1) * HOUR)
        await bench.job.round()
        ((envelope, snapshot),) = await control.outbox()
        assert (envelope.id, envelope.is_deleted, snapshot) == (made, True, None)
        assert (await bench.receipt(made))["status"] == "FINISHED"


async def test_a_receipt_is_told_to_nobody_else(bench, control):
    made = await bench.regulate("DELETE_ONLY", "u-1")
    stranger = await control.token_with("*", workspace_id="another")
    for path in (f"/penstock/regulations/{made}/receipt", "/penstock/regulations/nothing/receipt"):
        assert (await control.ask("GET", path, authorization=stranger)).status_code == 404
