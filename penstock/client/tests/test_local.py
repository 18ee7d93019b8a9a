import json

import msgspec
import pytest

from penstock.client.local import LocalClient, NotRunning, Refused
from penstock.client.run_record import RunRecord
from penstock.testing.receiver import Receiver, Reply


def record(tmp_path, url):
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(RunRecord(url, 1, "secret")))
    return LocalClient(tmp_path)


class TestLocalClient:
    def test_it_asks_with_the_token_of_the_run_record(self, tmp_path):
        with Receiver(lambda _: Reply(body=b'{"rows": 3}')) as receiver:
            answer = record(tmp_path, receiver.url).post("/penstock/sync", {"a": 1}, 5)
            assert answer == {"rows": 3}
            request = receiver.requests[0]
            assert (request.method, request.path, request.json()) == ("POST", "/penstock/sync", {"a": 1})
            assert request.headers["authorization"] == "Bearer secret"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (json.dumps({"errors": [{"type": "x", "message": "warehousing is down"}]}).encode(), "warehousing is down"),
            (b"<html>", "<html>"),
            (b"", "status 503"),
        ],
    )
    def test_an_error_answer_is_told_in_its_own_words(self, tmp_path, body, message):
        with Receiver(lambda _: Reply(status=503, body=body)) as receiver:
            with pytest.raises(Refused, match=message) as refused:
                record(tmp_path, receiver.url).get("/penstock/status")
            assert refused.value.status == 503

    def test_a_record_of_an_instance_that_is_gone_says_so(self, tmp_path):
        with Receiver() as receiver:
            url = receiver.url
        with pytest.raises(NotRunning, match="pid 1"):
            record(tmp_path, url).get("/penstock/status")

    def test_no_record_means_that_none_runs(self, tmp_path):
        with pytest.raises(NotRunning):
            LocalClient(tmp_path)
