"""Cases from the field (FC-…), for every driver; the inputs are those of the behaviour documents."""

import pytest

from penstock.catalog.warehouses.batch import COLUMN_LIMIT

BIG = b"""{"type":"track","userId":"u-501","event":"Ledger","messageId":"fc05-1","receivedAt":"2030-01-02T10:00:00.000Z",
"properties":{"odd":9007199254740993,"snowflake":7615917337495251231,"max":9223372036854775807,
"min":-9223372036854775808,"text":"7615917337495251231","tenth":0.1,"whole":5.0,"exp":1e3}}"""
BIGGER = b"""{"type":"track","userId":"u-501","event":"Ledger","messageId":"fc05-2","receivedAt":"2030-01-02T10:00:00.000Z",
"properties":{"odd":9223372036854775808,"max":123456789012345678901234567890,"snowflake":"x"}}"""
HUGE = b"""{"type":"track","userId":"u-501","event":"Ledger Huge","messageId":"fc05-3",
"receivedAt":"2030-01-02T10:00:00.000Z","properties":{"huge":1e400}}"""


def sold(identifier, **properties):
    return {"type": "track", "userId": "u-701", "event": "Item Sold", "messageId": identifier, "properties": properties}


def page(identifier, **changes):
    properties = {"url": "https://shop.example.test/", "path": "/", "title": "Shop", "search": "", "referrer": ""}
    context = {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0 Example/1.0"}
    made = {
        "type": "page",
        "anonymousId": "a-901",
        "messageId": identifier,
        "properties": properties,
        "context": context,
    }
    return {**made, **changes}


class TestFC03ZeroIsAnId:
    def test_the_text_zero_reaches_tracks_and_users(self, target):
        target.load(sold("m1") | {"userId": "0"}, {"type": "identify", "userId": "0", "messageId": "m2"})
        assert target.one("SELECT user_id FROM shop.tracks") == ["0"]
        assert target.one("SELECT id FROM shop.users") == ["0"]


class TestFC21BigNumbers:
    def test_integers_are_exact(self, target):
        target.load(BIG)
        found = target.one('SELECT odd, snowflake, "max", "min", text, tenth, whole, exp FROM shop.ledger')
        assert found == [
            9007199254740993,
            7615917337495251231,
            9223372036854775807,
            -9223372036854775808,
            "7615917337495251231",
            0.1,
            5.0,
            1000.0,
        ]
        kinds = target.columns("ledger")
        assert (kinds["odd"], kinds["text"], kinds["whole"], kinds["exp"]) == ("integer", "varchar", "float", "float")

    def test_what_is_beyond_a_column_is_discarded_with_all_its_digits(self, target):
        target.load(BIG)
        target.load(BIGGER)
        found = target.one("SELECT odd, \"max\", snowflake FROM shop.ledger WHERE id = 'fc05-2'")
        assert found == [None, None, None]
        assert target.discards() == [
            ("ledger", "max", "fc05-2", "123456789012345678901234567890", "out_of_range"),
            ("ledger", "odd", "fc05-2", "9223372036854775808", "out_of_range"),
            ("ledger", "snowflake", "fc05-2", "x", "cast_failed"),
        ]

    def test_in_one_load_the_latest_value_decides_and_no_digit_is_lost(self, target):
        target.load(BIG, BIGGER)
        found = target.rows('SELECT odd, "max", snowflake FROM shop.ledger ORDER BY id')
        assert found == [[9007199254740993, 9223372036854775807, "7615917337495251231"], [None, None, "x"]]
        assert [discard[3] for discard in target.discards()] == [
            "123456789012345678901234567890",
            "9223372036854775808",
        ]

    def test_a_number_beyond_a_double_leaves_the_row(self, target):
        target.load(HUGE)
        assert target.one("SELECT id, huge FROM shop.ledger_huge") == ["fc05-3", None]
        assert target.discards() == [("ledger_huge", "huge", "fc05-3", "inf", "out_of_range")]


class TestFC28OtherTypesLater:
    @pytest.fixture
    def loaded(self, target):
        first = {"price": 10, "code": "A1", "at": "2026-01-05T10:00:00Z", "ok": True, "ratio": 0.5}
        target.load(sold("fc07-a", **first, tags=["x", "y"], dims={"w": 1, "h": 2}))
        later = {"price": "12", "code": 77, "at": "2026-01-06", "ok": "true", "ratio": 2, "tags": "z", "dims": "flat"}
        target.load(
            sold("fc07-b", **later),
            sold("fc07-c", price="free", at="soon", ok="maybe", ratio="n/a"),
            sold("fc07-d", price=9.99),
            sold("fc07-e", price=None, note=None),
        )
        return target

    def test_the_first_load_makes_the_columns(self, loaded):
        kinds = loaded.columns("item_sold")
        names = ("price", "code", "at", "ok", "ratio", "tags", "dims_w", "dims_h")
        assert [kinds[name] for name in names] == [
            "integer",
            "varchar",
            "timestamp",
            "boolean",
            "float",
            "varchar",
            "integer",
            "integer",
        ]

    def test_what_can_be_cast_is_cast(self, loaded):
        found = loaded.one(
            "SELECT price, code, \"at\", ok, ratio, tags, dims_w, dims_h, dims FROM shop.item_sold WHERE id = 'fc07-b'"
        )
        assert found == [12, "77", "2026-01-06T00:00:00", True, 2.0, "z", None, None, "flat"]

    def test_what_cannot_is_null_with_a_record_and_the_row_is_there(self, loaded):
        assert loaded.one("SELECT price, \"at\", ok, ratio FROM shop.item_sold WHERE id = 'fc07-c'") == [None] * 4
        records = [discard for discard in loaded.discards() if discard[2] == "fc07-c"]
        assert records == [
            ("item_sold", "at", "fc07-c", "soon", "cast_failed"),
            ("item_sold", "ok", "fc07-c", "maybe", "cast_failed"),
            ("item_sold", "price", "fc07-c", "free", "cast_failed"),
            ("item_sold", "ratio", "fc07-c", "n/a", "cast_failed"),
        ]

    def test_a_fraction_is_never_lost_quietly(self, loaded):
        assert loaded.one("SELECT price FROM shop.item_sold WHERE id = 'fc07-d'") == [10]
        assert ("item_sold", "price", "fc07-d", "9.99", "precision_lost") in loaded.discards()

    def test_null_makes_no_column(self, loaded):
        assert "note" not in loaded.columns("item_sold")


class TestFC29TwoTypesInOneLoad:
    @pytest.mark.parametrize(
        ("values", "kind", "stored", "discarded"),
        [
            (["five", 5], "integer", [None, 5], ["five"]),
            ([5, "five"], "varchar", ["5", "five"], []),
            ([5, "five", 6], "integer", [5, None, 6], ["five"]),
        ],
    )
    def test_the_latest_occurrence_decides(self, target, values, kind, stored, discarded):
        target.load(*(sold(f"m{number}", late=value) for number, value in enumerate(values)))
        assert target.columns("item_sold")["late"] == kind
        assert [row[0] for row in target.rows("SELECT late FROM shop.item_sold ORDER BY id")] == stored
        assert [discard[3] for discard in target.discards()] == discarded

    def test_a_repeated_load_decides_nothing_anew(self, target):
        events = [sold("m1", late="five"), sold("m2", late=5)]
        target.load(*events)
        report = target.load(*events, after=0)
        assert (report.rows, report.records) == (0, [])
        assert len(target.discards()) == 1


class TestFC30AndFC32TheCustomersHand:
    """The customer's changes are made on the driver's own connection: there is no other way into an open file."""

    def test_a_changed_type_and_a_foreign_column_are_loaded_as_far_as_the_engine_can(self, target):
        target.load(sold("m1", price=1))
        target.change("ALTER TABLE shop.item_sold ALTER price TYPE DECIMAL(18,2)")
        geometry = {"duckdb": "STRUCT(x DOUBLE, y DOUBLE)", "postgres": "point"}[target.slug]
        target.change(f"ALTER TABLE shop.item_sold ADD COLUMN geo {geometry}")
        for identifier in ("m2", "m3"):
            target.load(sold(identifier, price=9.99, geo="x"))
        assert target.rows("SELECT price, geo FROM shop.item_sold ORDER BY id") == [
            ["1.00", None],
            ["9.99", None],
            ["9.99", None],
        ]
        assert target.columns("item_sold")["price"] in ("DECIMAL(18,2)", "numeric")
        assert [discard[1:] for discard in target.discards()] == [
            ("geo", "m2", "x", "cast_failed"),
            ("geo", "m3", "x", "cast_failed"),
        ]

    def test_a_foreign_type_records_what_it_rounds(self, target):
        target.load(sold("m1", price=1))
        target.change("ALTER TABLE shop.item_sold ALTER price TYPE DECIMAL(18,2)")
        target.load(sold("m2", price=9.999))
        assert target.discards() == [("item_sold", "price", "m2", "9.999", "precision_lost")]

    def test_users_keep_a_type_that_the_customer_chose(self, target):
        target.load({"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"age": 1}})
        target.change("ALTER TABLE shop.users ALTER age TYPE DECIMAL(9,1)")
        target.load({"type": "identify", "userId": "u1", "messageId": "m2", "traits": {"age": 2.5}})
        assert target.one("SELECT age FROM shop.users") == ["2.5"]

    def test_dropped_tables_and_columns_come_back_with_new_data(self, target):
        target.load(sold("m1", price=1), page("m2"))
        target.change("DROP TABLE shop.item_sold")
        target.change("ALTER TABLE shop.pages DROP title")
        target.load(sold("m3", price=2), page("m4"))
        assert target.rows("SELECT id, price FROM shop.item_sold") == [["m3", 2]]
        assert target.rows("SELECT id, title FROM shop.pages ORDER BY id") == [["m2", None], ["m4", "Shop"]]
        assert target.one("SELECT count(*) FROM shop.tracks") == [2]

    def test_a_view_in_the_place_of_a_table_does_not_stop_the_sync(self, target):
        target.load(page("m1"))
        target.change("CREATE VIEW shop.item_sold AS SELECT 1 AS id")
        target.load(sold("m2", price=2))
        assert target.one("SELECT id FROM shop.tracks") == ["m2"]
        assert target.discards() == [("item_sold", "", "m2", "1 rows", "not_a_table")]

    def test_a_dropped_schema_of_ours_is_made_again(self, target):
        target.load(sold("m1"))
        target.change("DROP SCHEMA penstock_meta CASCADE")
        assert target.warehouse.positions() == {}
        target.load(sold("m1"), sold("m2"), after=0)
        assert target.rows("SELECT id FROM shop.item_sold ORDER BY id") == [["m1"], ["m2"]]
        assert target.warehouse.positions() == {0: 1}


class TestFC33ForgedColumns:
    def test_no_system_column_can_be_forged(self, target):
        forged = dict.fromkeys(("user_id", "event", "anonymousId", "context_ip"), "forged")
        times = dict.fromkeys(("received_at", "timestamp"), "1999-01-01T00:00:00Z")
        event = sold("fc07-h", **forged, **times, id="p-1", uuid="u-1", price=3)
        target.load(event | {"context": {"ip": "203.0.113.9"}})
        found = target.one(
            "SELECT id, user_id, anonymous_id, event, received_at, timestamp, context_ip, _id, _uuid, _context_ip, price "
            "FROM shop.item_sold"
        )
        assert found == [
            "fc07-h",
            "u-701",
            None,
            "item_sold",
            "2024-05-01T10:00:05",
            "2024-05-01T10:00:03",
            "203.0.113.9",
            "p-1",
            "u-1",
            "forged",
            3,
        ]
        assert {discard[1] for discard in target.discards()} == {
            "user_id",
            "event",
            "anonymous_id",
            "received_at",
            "timestamp",
        }


class TestFC36OtherScripts:
    def test_a_name_without_latin_letters_makes_no_table_and_is_reported(self, target):
        target.load({"type": "track", "event": "注文完了", "messageId": "m1", "userId": "u1", "properties": {"x": 1}})
        assert target.one("SELECT event, event_text FROM shop.tracks") == [None, "注文完了"]
        assert target.tables() == {"tracks"}
        assert target.discards() == [("tracks", "event", "m1", "注文完了", "no_name")]

    def test_a_nameless_property_is_reported_and_the_others_have_columns(self, target):
        target.load(sold("m1", **{"Größe": 3, "₽": 5, "météo": "x"}))
        assert target.one("SELECT gr_e, m_t_o FROM shop.item_sold") == [3, "x"]
        assert target.discards() == [("item_sold", "₽", "m1", "5", "no_name")]


class TestFC39Wide:
    TRAITS = {f"trait_{number}": number for number in range(1_700)}

    def test_1700_traits_arrive_as_far_as_the_engine_has_room(self, target):
        reports = [
            target.load({"type": "identify", "userId": "u1", "messageId": message_id, "traits": self.TRAITS})
            for message_id in ("m1", "m2")
        ]
        assert target.one("SELECT trait_0, trait_700 FROM shop.users") == [0, 700]
        if target.slug == "duckdb":
            assert target.one("SELECT trait_1699 FROM shop.users") == [1_699]
            assert target.discards() == []
        else:
            notices = [notice["message"] for report in reports for notice in report.records[0].notices]
            assert "too_many_columns" in " ".join(notices)
        target.load({"type": "identify", "userId": "u2", "messageId": "m3", "traits": {"trait_0": 7}})
        assert target.one("SELECT trait_0 FROM shop.users WHERE id = 'u2'") == [7]

    def test_what_is_over_the_limit_is_named_and_later_events_are_unaffected(self, target):
        traits = {f"trait_{number}": number for number in range(COLUMN_LIMIT + 5)}
        report = target.load({"type": "identify", "messageId": "m1", "traits": traits})
        assert "too_many_columns" in report.records[0].notices[0]["message"]
        assert target.one("SELECT trait_0 FROM shop.identifies") == [0]
        target.load({"type": "identify", "messageId": "m2", "traits": {"trait_0": 7, "another": 1}})
        assert target.one("SELECT trait_0 FROM shop.identifies WHERE id = 'm2'") == [7]
        assert ("identifies", "another", "m2", "1", "too_many_columns") in target.discards()


class TestFC40Long:
    def test_a_long_text_is_whole_or_cut_as_the_engine_has_it_between_others(self, target):
        text = "x" * 511 + "🙂" + "y" * 19_488
        target.load(sold("m1", note="a"), sold("m2", note=text), sold("m3", note="b"))
        kept = text if target.slug == "duckdb" else text[:512]
        assert [row[0] for row in target.rows("SELECT note FROM shop.item_sold ORDER BY id")] == ["a", kept, "b"]
        assert [discard[4] for discard in target.discards()] == ["truncated"] * (kept != text)


class TestFC42Future:
    def test_a_future_time_is_kept_and_received_at_is_real(self, target):
        target.load(page("fc09-3", timestamp="2031-01-01T00:00:00.000Z"))
        assert target.one("SELECT timestamp, received_at FROM shop.pages") == [
            "2031-01-01T00:00:00",
            "2024-05-01T10:00:05",
        ]


class TestFC43Duplicates:
    def test_the_same_page_a_week_later_is_one_row_and_the_first_wins(self, target):
        target.load(page("fc09-1"), page("fc09-2"))
        target.load(page("fc09-1", receivedAt="2024-05-08T10:00:05.000Z", properties={"title": "Later"}))
        assert target.one("SELECT count(*), count(DISTINCT id) FROM shop.pages") == [2, 2]
        assert target.one("SELECT title FROM shop.pages WHERE id = 'fc09-1'") == ["Shop"]


class TestFC47QuietSite:
    def test_the_columns_that_models_select_exist_on_a_site_without_campaigns(self, target):
        target.load(page("fc09-4"), page("fc09-5"), schema="site_b")
        campaign = ", ".join(f"context_campaign_{part}" for part in ("source", "medium", "name", "term", "content"))
        found = target.rows(
            "SELECT id, anonymous_id, user_id, received_at, sent_at, timestamp, url, path, title, search, referrer, "
            f"{campaign}, context_ip, context_user_agent FROM site_b.pages ORDER BY id"
        )
        assert [row[0] for row in found] == ["fc09-4", "fc09-5"]
        assert found[0][9:11] == ["", ""]
