# ruff: noqa: DTZ001 - times in the target are UTC without a zone
import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.warehouses.values import LogicalType, converted, logical_type_of, parse_time

SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


class TestLogicalTypeOf:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (True, "boolean"),
            (0, "integer"),
            (2**70, "integer"),
            (5.0, "float"),
            ("", "varchar"),
            ("02139", "varchar"),
            ("2024-06-01T00:00:00Z", "timestamp"),
            ("2024-06-01T00:00:00.123+02:00", "timestamp"),
            ("2024-06-01 10:00:00", "timestamp"),
            ("1990-02-03", "timestamp"),
            ("1990-02-30", "varchar"),
            ("2024-W01-1", "varchar"),
            ("20240601", "varchar"),
            ("2024-06-01x10:00:00", "varchar"),
            ("2024-06-01 is the day", "varchar"),
            ("0001-01-01T00:00:00+14:00", "varchar"),
        ],
    )
    def test_the_type_is_that_of_the_value(self, value, expected):
        assert logical_type_of(value) == expected


class TestParseTime:
    def test_an_offset_is_taken_into_account(self):
        assert parse_time("2024-06-01T01:00:00+02:00") == datetime(2024, 5, 31, 23)

    @given(st.text(max_size=50))
    def test_any_text_is_a_time_or_none(self, text):
        assert parse_time(text) is None or parse_time(text).tzinfo is None


class TestConverted:
    @pytest.mark.parametrize(
        ("kind", "value", "result", "problem"),
        [
            ("integer", "12", 12, None),
            ("integer", " -7 ", -7, None),
            ("integer", "9223372036854775807", 2**63 - 1, None),
            ("integer", "9223372036854775808", None, "out_of_range"),
            ("integer", "1e3", 1000, None),
            ("integer", "9.99", 10, "precision_lost"),
            ("integer", 2.5, 2, "precision_lost"),
            ("integer", 1e300, None, "out_of_range"),
            ("integer", math.inf, None, "out_of_range"),
            ("integer", True, 1, None),
            ("integer", "high", None, "cast_failed"),
            ("integer", "", None, "cast_failed"),
            ("integer", "\u0661\u0662x", None, "cast_failed"),
            ("float", 2, 2.0, None),
            ("float", 2**53 + 1, float(2**53), "precision_lost"),
            ("float", 10**400, None, "out_of_range"),
            ("float", math.inf, None, "out_of_range"),
            ("float", "0.5", 0.5, None),
            ("float", "n/a", None, "cast_failed"),
            ("boolean", "TRUE", True, None),
            ("boolean", 0, False, None),
            ("boolean", 1.0, True, None),
            ("boolean", 2, None, "cast_failed"),
            ("boolean", "maybe", None, "cast_failed"),
            ("timestamp", "2026-01-06", datetime(2026, 1, 6), None),
            ("timestamp", "soon", None, "cast_failed"),
            ("timestamp", 5, None, "cast_failed"),
            ("varchar", True, "true", None),
            ("varchar", 3, "3", None),
            ("varchar", 1.5, "1.5", None),
            ("varchar", 2**80, str(2**80), None),
        ],
    )
    def test_a_value_is_cast_or_a_problem(self, kind, value, result, problem):
        results, problems = converted([value], LogicalType(kind))
        assert results == [result]
        assert problems == ([(0, problem)] if problem else [])

    @given(st.lists(SCALARS), st.sampled_from(list(LogicalType)))
    def test_nothing_is_missing_without_a_problem(self, values, kind):
        results, problems = converted(values, kind)
        assert len(results) == len(values)
        assert {index for index, _ in problems} >= {index for index, found in enumerate(results) if found is None}

    @given(st.lists(SCALARS), st.sampled_from(list(LogicalType)))
    def test_each_value_is_cast_as_it_would_be_alone(self, values, kind):
        results, problems = converted(values, kind)
        alone = [converted([value], kind) for value in values]
        assert results == [found[0][0] for found in alone]
        assert problems == [(index, found[1][0][1]) for index, found in enumerate(alone) if found[1]]

    @given(st.integers())
    def test_an_integer_is_exact_or_not_there(self, value):
        assert converted([value], LogicalType.INTEGER)[0][0] in (value, None)
        assert converted([value], LogicalType.VARCHAR)[0][0] == str(value)
