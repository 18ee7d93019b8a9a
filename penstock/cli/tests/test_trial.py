import json

import pytest
from typer.testing import CliRunner

from penstock.cli.app import app

runner = CliRunner()
CODE = """
async function onTrack(event, settings) {
  console.log("seen", event.event)
  if (event.event === "Bad") throw new RetryError("not now")
  return { ...event, by: settings.by }
}
function onBatch(events) { return events.map(() => ({ status: 200 })) }
function onRequest(request) { Segment.track({ userId: "u", event: request.json().name }) }
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.js").write_text(CODE)
    (tmp_path / "event.json").write_text('{"type": "track", "event": "Good"}')
    (tmp_path / "bad.json").write_text('{"type": "track", "event": "Bad"}')
    (tmp_path / "batch.json").write_text('[{"type": "track"}, {"type": "page"}]')
    (tmp_path / "request.json").write_text('{"name": "Signed Up"}')


def run(*words):
    return runner.invoke(app, ["functions", "test", *words])


@pytest.mark.usefixtures("files")
class TestTrial:
    def test_it_tells_what_the_function_did(self):
        result = run("code.js", "--event", "event.json", "--settings", '{"by": "me"}', "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["value"] == {"type": "track", "event": "Good", "by": "me"}
        assert told["logs"] == ["log seen Good"]

    def test_a_failure_ends_with_status_1_and_its_place(self):
        result = run("code.js", "--event", "bad.json", "--json")
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        assert (told["code"], told["message"]) == ("retry", "RetryError: not now")
        assert "function.js:4" in told["stack"]

    def test_a_list_goes_to_the_batch_handler_and_a_request_to_a_source_function(self):
        assert json.loads(run("code.js", "--event", "batch.json", "--json").stdout)["value"] == [{"status": 200}] * 2
        told = json.loads(run("code.js", "--request", "request.json", "--json").stdout)
        assert told["messages"] == [{"type": "track", "userId": "u", "event": "Signed Up"}]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("code.js",), "--event"),
            (("nothing.js", "--event", "event.json"), "cannot be read"),
            (("code.js", "--event", "code.js"), "is not JSON"),
            (("code.js", "--event", "event.json", "--settings", "1"), "must be a JSON object"),
        ],
    )
    def test_what_cannot_be_run_is_one_line_and_status_1(self, words, message):
        result = run(*words)
        assert result.exit_code == 1
        assert message in result.output
