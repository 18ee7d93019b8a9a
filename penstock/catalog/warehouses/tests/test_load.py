"""What every driver promises of a load: all of it or nothing, the position with it, and a record where there is one."""

import json
import os
import subprocess
import sys
import time

import pytest

from penstock.catalog.warehouses.port import WarehouseError


def track(message_id, **properties):
    return {"type": "track", "event": "Sold", "userId": "u1", "messageId": message_id, "properties": properties}


class TestTransaction:
    def test_the_position_is_there_with_the_rows(self, target):
        target.load(track("m1"))
        target.reopen()
        assert target.warehouse.positions() == {0: 1}
        assert target.one("SELECT count(*) FROM shop.sold") == [1]

    def test_what_is_told_of_a_failure_holds_no_value_of_a_row(self, target):
        """It stands in the records of syncs for longer than the row may."""
        target.load(track("m1", email="ada@mail.example"))
        target.change("CREATE UNIQUE INDEX only_once ON shop.sold (email)")
        with pytest.raises(WarehouseError, match="constraint") as refused:
            target.load(track("m2", email="ada@mail.example"))
        assert "ada" not in str(refused.value)

    def test_a_load_that_fails_leaves_no_trace_and_the_next_one_works(self, target):
        target.load(track("m1"))
        target.change("ALTER TABLE shop.sold ADD COLUMN strict INTEGER DEFAULT 1")
        target.change("ALTER TABLE shop.sold ALTER strict SET NOT NULL")
        with pytest.raises(WarehouseError):
            target.load(track("m2", strict="not a number", other=1), after=1)
        assert target.warehouse.positions() == {0: 1}
        assert "other" not in target.columns("sold")
        assert target.one("SELECT count(*) FROM shop.tracks") == [1]
        target.change("ALTER TABLE shop.sold ALTER strict DROP NOT NULL")
        target.load(track("m2", strict="not a number", other=1), after=1)
        assert target.rows("SELECT id, other FROM shop.sold ORDER BY id") == [["m1", None], ["m2", 1]]

    @pytest.mark.parametrize("repeats", [1, 3])
    def test_a_repeated_interval_adds_nothing(self, target, repeats):
        events = [track("m1"), {"type": "identify", "userId": "u1", "messageId": "m2", "traits": {"a": 1}}]
        first = target.load(*events)
        for _ in range(repeats):
            assert target.load(*events, after=0).rows == 0
        assert len(target.warehouse.records_after(0, 0)) == len(first.records) == 1

    def test_a_killed_process_leaves_both_or_neither(self, target, tmp_path):
        """The driver stops in its transaction; the process is killed there."""
        target.load(track("m1"))
        target.warehouse.close()
        (tmp_path / "warehousing.in_transaction").write_text("stop")
        code = (
            "import sys; from penstock.catalog.warehouses.drivers import driver_of\n"
            "from penstock.catalog.warehouses.batch import SourceBatch\n"
            "from penstock.catalog.warehouses.port import Load, Site\n"
            "from penstock.infra.http import OutboundPolicy\n"
            "import json\n"
            "from penstock.warehousing.flatten import flatten\n"
            "batch = SourceBatch('source-1', 'shop')\n"
            "flatten(batch, {'type': 'track', 'event': 'Sold', 'messageId': 'm2'}, 'm2', 0)\n"
            "site = Site('W1', sys.argv[3], 256, OutboundPolicy())\n"
            "warehouse = driver_of(sys.argv[1]).place(json.loads(sys.argv[2]), site).open()\n"
            "warehouse.load(Load('W1', 0, 1, 2, 0, 0, [batch]))\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code, target.slug, json.dumps(target.settings), str(tmp_path)],
            env={**os.environ, "PENSTOCK_FAULTS_DIR": str(tmp_path)},
        )
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / f"warehousing.in_transaction.{child.pid}").exists():
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            child.kill()
            child.wait()
        target.warehouse = target.place.open()
        assert target.warehouse.positions() == {0: 1}
        assert target.one("SELECT count(*) FROM shop.sold") == [1]


class TestRecords:
    def test_a_record_tells_rows_discards_and_notices(self, target):
        target.load(track("m1", n=1))
        report = target.load(track("m2", n="x"))
        (record,) = report.records
        assert (record.status, record.count, record.discards) == ("PARTIAL", 2, 1)
        assert record.notices[0]["message"] == "sold.n: 1 value discarded or inexact (cast_failed)."
        assert target.warehouse.records_after(0, 1) == [record]

    def test_a_load_without_rows_has_no_record(self, target):
        assert target.load().records == []
        assert target.warehouse.positions() == {0: 1}

    def test_uuid_ts_is_the_time_of_the_load(self, target):
        target.load(track("m1"))
        assert target.one("SELECT uuid_ts FROM shop.tracks") == ["2024-05-01T10:00:01"]


class TestSchemas:
    @pytest.mark.parametrize("name", ["penstock", "information_schema", "2fa", "order", "s" * 100])
    def test_a_source_cannot_take_the_schemas_of_the_engine(self, target, name):
        target.load(track("m1"), schema=name)
        (found,) = target.rows(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = 'sold' "
            "AND table_schema NOT IN ('penstock', 'information_schema')"
        )
        assert target.one(f'SELECT id FROM "{found[0]}".sold') == ["m1"]
        assert found[0] in (name, f"_{name}") or found[0].startswith("s" * 40)

    def test_two_sources_do_not_see_each_others_ids(self, target):
        target.load(track("m1"), schema="one")
        target.load(track("m1"), schema="two")
        assert target.one("SELECT id FROM two.sold") == ["m1"]


class TestNames:
    def test_a_name_beyond_the_engine_is_cut_and_stays_its_own(self, target):
        names = ["n" * 80 + letter for letter in "ab"]
        target.load(track("m1", **dict.fromkeys(names, 1)), {**track("m2"), "event": "Event " + "e" * 90})
        target.load(track("m3", **dict.fromkeys(names, 2)), {**track("m4"), "event": "Event " + "e" * 90})
        columns = [name for name in target.columns("sold") if name.startswith("nnn")]
        assert len(columns) == 2
        (long,) = (name for name in target.tables() if name.startswith("event_e"))
        assert target.rows(f'SELECT id FROM shop."{long}" ORDER BY id') == [["m2"], ["m4"]]
        assert target.rows(f'SELECT "{columns[0]}", "{columns[1]}" FROM shop.sold ORDER BY id') == [[1, 1], [2, 2]]

    def test_texts_that_no_format_may_stumble_over_are_stored(self, target):
        texts = ["\\N", "a\tb", "a\nb\r", "\\.", '"', "", "\\", "ü\u2028", "%s ?"]
        target.load(*(track(f"m{number}", note=text) for number, text in enumerate(texts)))
        assert [row[0] for row in target.rows("SELECT note FROM shop.sold ORDER BY id")] == texts

    def test_a_nul_is_kept_or_left_out_with_a_record(self, target):
        target.load(track("m1", note="a\0b"))
        takes_nul = target.warehouse.engine.capabilities.takes_nul
        assert target.one("SELECT note FROM shop.sold") == ["a\0b" if takes_nul else "ab"]
        assert [discard[4] for discard in target.discards()] == ([] if takes_nul else ["truncated"])
