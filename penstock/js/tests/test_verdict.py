"""The table of delivery.md §3, row by row."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.js.protocol import CallError, Field, Result, Row, RunnerAnswer
from penstock.js.verdict import (
    Origin,
    Verdict,
    VerdictKind,
    is_retryable_status,
    judge_error,
    judge_row,
    request_too_large,
    retry_after,
    runner_lost,
    verdicts,
)

RETRY, NEVER = VerdictKind.RETRYABLE, VerdictKind.PERMANENT
NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def judged(**error):
    verdict = judge_error(CallError(**error), now=NOW)
    return verdict.kind, verdict.code, verdict.status


class TestStatus:
    @pytest.mark.parametrize("status", [408, 423, 429, 500, 502, 503, 504, 529, 307])
    def test_may_heal(self, status):
        assert judged(name="HTTPError", status=status) == (RETRY, str(status), status)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 301, 302, 304, 308])
    def test_is_final(self, status):
        assert judged(name="HTTPError", status=status) == (NEVER, str(status), status)

    @given(st.integers(100, 599))
    def test_every_status_is_one_or_the_other(self, status):
        kind, code, _ = judged(name="HTTPError", status=status)
        assert (kind is RETRY) == is_retryable_status(status)
        assert code == str(status)


class TestNetwork:
    @pytest.mark.parametrize(
        "code", ["ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EHOSTUNREACH", "EAI_AGAIN", "EREFUSED"]
    )
    def test_a_network_code_is_tried_again_under_its_name(self, code):
        assert judged(name="FetchError", type="system", code=code) == (RETRY, code, None)
        assert judged(name="Error", code=code) == (RETRY, code, None)

    @pytest.mark.parametrize(
        "error",
        [
            {"name": "TimeoutError", "code": "ETIMEDOUT"},
            {"name": "RequestTimeoutError", "code": "REQUESTTIMEOUTERROR", "status": 408},
            {"name": "FetchError", "type": "system", "code": "ETIMEDOUT"},
        ],
    )
    def test_a_timeout_is_408_and_tried_again(self, error):
        assert judged(**error) == (RETRY, "ETIMEDOUT", 408)

    def test_another_abort_is_408(self):
        assert judged(name="RequestClientError", code="REQUESTCLIENTERROR", status=408) == (RETRY, "408", 408)

    @pytest.mark.parametrize(
        "code", ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"]
    )
    def test_a_certificate_that_cannot_be_trusted_is_final(self, code):
        assert judged(name="FetchError", type="system", code=code) == (NEVER, code, None)

    def test_a_fetch_error_without_code_is_final(self):
        assert judged(name="FetchError", type="max-redirect") == (NEVER, "BAD_REQUEST", None)

    def test_the_outbound_policy_is_final_whatever_wraps_it(self):
        assert judged(name="FetchError", code="OUTBOUND_REFUSED") == (NEVER, "INVALID_SETTINGS", 400)
        assert judged(name="HTTPError", code="OUTBOUND_REFUSED", status=503) == (NEVER, "INVALID_SETTINGS", 400)


class TestLibraryErrors:
    def test_a_payload_that_the_schema_refuses_is_rejected_with_its_fields(self):
        error = CallError(name="AggregateAjvError", status=400, fields=[Field("$.url", "is missing"), Field("", "bad")])
        verdict = judge_error(error)
        assert (verdict.kind, verdict.code, verdict.status) == (NEVER, "MESSAGE_REJECTED", 400)
        assert verdict.message == "$.url: is missing; bad"

    def test_settings_that_the_schema_refuses_are_invalid_settings(self):
        assert judged(name="AggregateAjvError", status=400, phase="settings") == (NEVER, "INVALID_SETTINGS", 400)

    @pytest.mark.parametrize("name", ["IntegrationError", "APIError", "InvalidAudienceMembershipError"])
    def test_an_error_with_a_status_follows_it(self, name):
        assert judged(name=name, code="Bad Request", status=400) == (NEVER, "400", 400)
        assert judged(name=name, code="X", status=503) == (RETRY, "503", 503)
        assert judged(name=name, code="NotImplemented", status=501) == (NEVER, "501", 501)

    def test_an_integration_error_that_forgot_its_status_is_final(self):
        assert judged(name="IntegrationError", code="X") == (NEVER, "400", 400)

    def test_payload_validation_is_a_rejected_message(self):
        error = {"name": "PayloadValidationError", "code": "PAYLOAD_VALIDATION_FAILED", "status": 400}
        assert judged(**error) == (NEVER, "MESSAGE_REJECTED", 400)

    @pytest.mark.parametrize("status", [408, 423, 429, 500])
    def test_a_retryable_error_is_tried_again(self, status):
        assert judged(name="RetryableError", code="RETRYABLE_ERROR", status=status) == (RETRY, str(status), status)

    @pytest.mark.parametrize("code", ["INVALID_AUTHENTICATION", "OAUTH_REFRESH_FAILED", "REFRESH_TOKEN_EXPIRED"])
    def test_bad_credentials_are_final(self, code):
        assert judged(name="InvalidAuthenticationError", code=code, status=401) == (NEVER, "401", 401)

    def test_a_self_timeout_is_tried_again(self):
        assert judged(name="SelfTimeoutError", code="SELF_TIMEOUT", status=408) == (RETRY, "408", 408)

    @pytest.mark.parametrize("name", ["AggregateError", "ParseError", "RenderError", "TokenizationError"])
    def test_a_mapping_that_cannot_work_is_invalid_settings(self, name):
        assert judged(name=name) == (NEVER, "INVALID_SETTINGS", 400)

    def test_an_aggregate_of_failed_connections_is_no_mapping_error(self):
        assert judged(name="AggregateError", code="ECONNREFUSED") == (RETRY, "ECONNREFUSED", None)

    @pytest.mark.parametrize("name", ["TypeError", "KafkaJSError", "Error", "SomethingNew"])
    def test_what_nobody_recognises_is_tried_again_as_internal(self, name):
        assert judged(name=name, message="boom") == (RETRY, "INTERNAL", None)

    def test_an_error_of_the_cloud_sdk_follows_its_status(self):
        assert judged(name="AccessDenied", code="AccessDenied", status=403) == (NEVER, "403", 403)

    @pytest.mark.parametrize(
        "error",
        [
            {"name": "TypeError", "code": "ERR_INVALID_URL", "message": "Invalid URL"},
            {"name": "TypeError", "message": "Only HTTP(S) protocols are supported"},
        ],
    )
    def test_a_url_that_is_none_is_invalid_settings(self, error):
        assert judged(**error) == (NEVER, "INVALID_SETTINGS", 400)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30", 30.0),
            (" 0 ", 0.0),
            ("99999999999999999999", 3600.0),
            ("Wed, 25 Nov 2026 12:01:00 GMT", 60.0),
            ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
            ("Thu, 26 Nov 2026 12:00:00 GMT", 3600.0),
            ("soon", None),
            ("-5", None),
            ("", None),
            ("1.5", None),
            (None, None),
        ],
    )
    def test_seconds_or_a_date(self, value, seconds):
        assert retry_after(value, NOW) == seconds

    @given(st.text())
    def test_no_text_breaks_it(self, text):
        seconds = retry_after(text, NOW)
        assert seconds is None or 0 <= seconds <= 3600

    def test_only_what_is_tried_again_waits(self):
        assert judge_error(CallError(name="HTTPError", status=429, retry_after="7")).retry_after_seconds == 7
        assert judge_error(CallError(name="HTTPError", status=400, retry_after="7")).retry_after_seconds is None


def answered(*results, **more):
    return RunnerAnswer(id=1, ok=True, results=list(results), **more)


class TestResults:
    def test_an_executed_action_is_delivered(self):
        (verdict,) = verdicts(answered(Result(output="Action Executed")), 1)
        assert (verdict.kind, verdict.code, verdict.origin) == (VerdictKind.DELIVERED, "", Origin.DESTINATION)

    def test_no_match_is_no_error(self):
        (verdict,) = verdicts(answered(Result(output="not subscribed")), 1)
        assert (verdict.kind, verdict.code) == (VerdictKind.NOT_SUBSCRIBED, "NO_MATCHING_MAPPING")

    def test_a_batch_without_any_match_is_not_subscribed_for_all(self):
        assert [verdict.kind for verdict in verdicts(answered(Result(output="not subscribed")), 3)] == [
            VerdictKind.NOT_SUBSCRIBED
        ] * 3

    @pytest.mark.parametrize("output", ["Failed to validate subscription", "Invalid subscription : Unexpected token"])
    def test_a_trigger_that_cannot_be_read_is_invalid_settings(self, output):
        (verdict,) = verdicts(answered(Result(output=output)), 1)
        assert (verdict.kind, verdict.code) == (NEVER, "INVALID_SETTINGS")

    def test_an_unknown_action_is_invalid_settings(self):
        assert [verdict.code for verdict in verdicts(answered(), 2)] == ["INVALID_SETTINGS"] * 2

    def test_code_that_goes_on_without_a_refused_connection_does_not_count_as_delivered(self):
        (verdict,) = verdicts(answered(Result(output="Action Executed"), refused="10.0.0.1 port 80 is refused"), 1)
        assert (verdict.kind, verdict.code) == (NEVER, "INVALID_SETTINGS")

    def test_messages_for_our_own_ingest_are_handed_over(self):
        data = msgspec.Raw(b'{"batch":[{"type":"track"}]}')
        (verdict,) = verdicts(answered(Result(output="Action Executed", data=data)), 1)
        assert verdict.own_batch == b'[{"type":"track"}]'

    def test_an_error_holds_for_every_event(self):
        answer = RunnerAnswer(id=1, ok=False, error=CallError(name="HTTPError", status=503, retry_after="4"))
        assert verdicts(answer, 2) == [Verdict(RETRY, "503", 503, "", 4.0, None, Origin.DESTINATION)] * 2


class TestRows:
    @pytest.mark.parametrize(
        ("row", "kind", "code"),
        [
            (Row(status=200), VerdictKind.DELIVERED, ""),
            (Row(status=429, errorreporter="DESTINATION"), RETRY, "429"),
            (Row(status=400, errortype="BAD_REQUEST", errorreporter="DESTINATION"), NEVER, "400"),
            (Row(status=500, errortype="PAYLOAD_VALIDATION_FAILED", errorreporter="INTEGRATIONS"), RETRY, "500"),
            (
                Row(
                    status=400,
                    errortype="PAYLOAD_VALIDATION_FAILED",
                    errormessage="Payload is either invalid or does not match the subscription",
                    errorreporter="INTEGRATIONS",
                ),
                VerdictKind.FILTERED_AT_MAPPING,
                "FILTERED_AT_MAPPING",
            ),
            (
                Row(
                    status=400,
                    errortype="PAYLOAD_VALIDATION_FAILED",
                    errormessage="The root value is missing the required field 'email'.",
                    errorreporter="INTEGRATIONS",
                ),
                NEVER,
                "MESSAGE_REJECTED",
            ),
            (
                Row(status=400, errormessage="Invalid subscription : x", errorreporter="INTEGRATIONS"),
                NEVER,
                "INVALID_SETTINGS",
            ),
            (Row(), RETRY, "INTERNAL"),
        ],
    )
    def test_each_row_is_judged_alone(self, row, kind, code):
        verdict = judge_row(row)
        assert (verdict.kind, verdict.code) == (kind, code)

    def test_a_refused_connection_makes_failed_rows_final(self):
        verdict = judge_row(Row(status=500, errorreporter="DESTINATION"), "10.0.0.1 port 80 is refused")
        assert (verdict.kind, verdict.code) == (NEVER, "INVALID_SETTINGS")

    def test_missing_rows_are_tried_again(self):
        found = verdicts(answered(Result(multistatus=[Row(status=200)])), 3)
        assert [verdict.kind for verdict in found] == [VerdictKind.DELIVERED, RETRY, RETRY]


def test_a_lost_runner_is_tried_again():
    assert (runner_lost("x").kind, runner_lost("x").code) == (RETRY, "INTERNAL")


def test_a_request_too_large_is_rejected():
    assert (request_too_large("x").kind, request_too_large("x").code) == (NEVER, "MESSAGE_REJECTED")
