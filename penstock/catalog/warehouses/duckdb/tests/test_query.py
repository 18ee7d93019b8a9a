import time

import duckdb
import msgspec
import pytest

from penstock.catalog.warehouses.duckdb import QueryLimits, query_file
from penstock.catalog.warehouses.duckdb.driver import DuckDBFile
from penstock.catalog.warehouses.port import Site
from penstock.catalog.warehouses.sql.answering import answer
from penstock.infra.http import OutboundPolicy

LIMITS = QueryLimits(100, 10.0, 128)


def open_file(file):
    return DuckDBFile(file, Site("W1", str(file.parent), 128, OutboundPolicy())).open()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("query") / "penstock.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT i AS n FROM range(1000) r(i)")
        connection.execute("CREATE SEQUENCE s")
    return file


@pytest.fixture(scope="class")
def opened(tmp_path_factory):
    warehouse = open_file(tmp_path_factory.mktemp("values") / "penstock.duckdb")
    yield warehouse
    warehouse.close()


WRITING = [
    "INSERT INTO t VALUES (1)",
    "WITH x AS (INSERT INTO t VALUES (1) RETURNING n) SELECT * FROM x",
    "DELETE FROM t",
    "UPDATE t SET n = 1",
    "MERGE INTO t USING t u ON true WHEN MATCHED THEN DELETE",
    "CREATE TABLE u (n INT)",
    "DROP TABLE t",
    "SELECT nextval('s')",
    "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
    "COPY t TO 'out.csv'",
    "EXPORT DATABASE 'out'",
    "ATTACH 'other.duckdb'",
    "SET memory_limit = '8GB'",
    "PRAGMA threads = 8",
    "CALL pragma_version()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "BEGIN",
    "COMMIT",
    "CHECKPOINT",
    "PREPARE p AS SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "",
    "not sql",
]


class TestReading:
    def test_what_does_not_only_read_is_refused_while_the_file_is_open_for_loads(self, file):
        warehouse = open_file(file)
        try:
            for statement in WRITING:
                result = warehouse.query(statement, LIMITS)
                assert result.error, statement
                assert result.rows == []
            assert warehouse.query("SELECT count(*), sum(n) FROM t", LIMITS).rows == [[1000, 499_500]]
        finally:
            warehouse.close()

    @pytest.mark.parametrize("statement", WRITING[::6])
    def test_and_while_it_is_not(self, file, statement):
        assert query_file(file, statement, LIMITS).error

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM read_csv('/etc/hostname')",
            "SELECT * FROM read_text('/etc/hostname')",
            "SELECT * FROM glob('/*')",
            "SELECT * FROM '/etc/hostname'",
            "SELECT * FROM limits",
        ],
    )
    def test_the_outside_cannot_be_seen(self, file, statement):
        limits = LIMITS
        assert query_file(file, statement, limits).error

    def test_a_query_may_explain_and_describe(self, file):
        for statement in ("EXPLAIN SELECT * FROM t", "DESCRIBE t", "SHOW TABLES", "FROM t LIMIT 1", "VALUES (1)"):
            assert query_file(file, statement, LIMITS).error == ""


class TestLimits:
    def test_rows_are_cut_and_it_is_said(self, file):
        result = query_file(file, "SELECT n FROM t ORDER BY n", QueryLimits(10, 5.0, 128))
        assert ([row[0] for row in result.rows], result.is_truncated) == (list(range(10)), True)

    def test_as_many_rows_as_the_limit_are_not_cut(self, file):
        result = query_file(file, "SELECT n FROM t", QueryLimits(1_000, 5.0, 128))
        assert (len(result.rows), result.is_truncated) == (1_000, False)

    def test_a_slow_query_is_interrupted(self, file):
        begun = time.monotonic()
        result = query_file(file, "SELECT sum(a.n * b.n * c.n) FROM t a, t b, t c", QueryLimits(10, 0.2, 128))
        assert "longer than 0.2 seconds" in result.error
        assert time.monotonic() - begun < 5

    def test_memory_is_bounded(self, file):
        statement = "SELECT list(repeat('x', 1000) || i || j) FROM range(1000) a(i), range(1000) b(j)"
        assert "memory" in query_file(file, statement, QueryLimits(10, 20.0, 64)).error.lower()

    def test_an_answer_is_bounded_in_bytes_whatever_its_values_are(self, file):
        result = query_file(file, "SELECT (SELECT list(i) FROM range(100_000) r(i)) AS v FROM t", LIMITS)
        assert (result.error, result.is_truncated) == ("", True)
        assert 0 < len(msgspec.json.encode(result.rows)) < 32 << 20

    def test_no_more_rows_are_fetched_than_an_answer_has_room_for(self):
        fetched = []
        result = answer(["v"], ["VARCHAR"], lambda count: fetched.append(count) or [["x" * (4 << 20)]] * count, 100)
        assert len(result.rows) == 7
        assert sum(fetched) <= 10

    def test_a_row_that_is_larger_than_an_answer_is_refused(self, file):
        result = query_file(file, "SELECT repeat('x', 40_000_000)", LIMITS)
        assert "32 MB" in result.error
        assert result.rows == []

    def test_a_giant_statement_is_refused(self, file):
        assert query_file(file, "SELECT 1 --" + "x" * 1_000_000, LIMITS).error


class TestValues:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("9007199254740993::BIGINT", 9007199254740993),
            ("170141183460469231731687303715884105727::HUGEINT", str(2**127 - 1)),
            ("[sum(n)] FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(n)", [2**64 - 2]),
            ("(-9223372036854775809)::HUGEINT", "-9223372036854775809"),
            ("1.50::DECIMAL(9,2)", "1.50"),
            ("TIMESTAMP '2024-05-01 10:00:05.5'", "2024-05-01T10:00:05.500000"),
            ("TIMESTAMPTZ '2024-05-01 10:00:05+02'", "2024-05-01T08:00:05+00:00"),
            ("DATE '2024-05-01'", "2024-05-01"),
            ("TIME '10:00:05'", "10:00:05"),
            ("'\\x00\\xFF'::BLOB", "AP8="),
            ("'nan'::DOUBLE", "nan"),
            ("0.1::DOUBLE", 0.1),
            ("NULL", None),
            ("true", True),
            ("[1, 2]", [1, 2]),
            ("{'a': 1.5::DECIMAL(3,1), 'b': [DATE '2024-05-01']}", {"a": "1.5", "b": ["2024-05-01"]}),
            ("MAP {'k': 1}", {"k": 1}),
            ("INTERVAL 3 DAYS", "3 days, 0:00:00"),
            ("'0f8fad5b-d9cb-469f-a165-70867728950e'::UUID", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ],
    )
    def test_a_value_is_json_able_and_exact(self, opened, expression, value):
        selected, source = (*expression.split(" FROM ", 1), "")[:2]
        result = opened.query(f"SELECT {selected} AS v" + (source and f" FROM {source}"), LIMITS)
        assert (result.error, result.rows, result.columns) == ("", [[value]], ["v"])
        assert msgspec.json.decode(msgspec.json.encode(result.rows)) == [[value]]


class TestFile:
    def test_a_file_that_is_not_there_is_an_error_and_is_not_made(self, tmp_path):
        missing = query_file(tmp_path / "nothing.duckdb", "SELECT 1", LIMITS)
        assert missing.error
        assert not (tmp_path / "nothing.duckdb").exists()

    def test_a_file_that_is_no_database_is_an_error(self, tmp_path):
        damaged = tmp_path / "penstock.duckdb"
        damaged.write_bytes(b"not a database" * 1_000)
        assert query_file(damaged, "SELECT 1", LIMITS).error
