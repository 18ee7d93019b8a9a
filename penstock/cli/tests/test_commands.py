import json

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from penstock import __version__
from penstock.cli.app import app
from penstock.cli.output import write_rows

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_variable_of_the_suite(monkeypatch):
    monkeypatch.delenv("PENSTOCK_TEST_DATABASE", raising=False)


class TestVersion:
    def test_it_is_told(self):
        assert runner.invoke(app, ["--version"]).stdout == f"penstock {__version__}\n"


class TestConfig:
    def test_it_prints_values_with_their_source_as_json_in_a_pipe(self):
        result = runner.invoke(app, ["config", "--data", "here"], env={"PENSTOCK_SHARDS": "2"})
        rows = {row["setting"]: row for row in json.loads(result.stdout)}
        assert (rows["data"]["value"], rows["data"]["source"]) == ("here", "flag")
        assert (rows["shards"]["value"], rows["shards"]["source"]) == (2, "environment")
        assert {row["needs restart"] for row in rows.values()} == {"yes", "no"}

    def test_secrets_are_masked(self):
        result = runner.invoke(app, ["config"], env={"PENSTOCK_SECRET_KEY": "hush-hush"})
        assert "hush-hush" not in result.output

    def test_credentials_in_addresses_are_masked(self):
        urls = "nats://pen:hush-hush@a:4222, tls://hush-token@b:4222"
        result = runner.invoke(app, ["config"], env={"PENSTOCK_NATS_URL": urls})
        assert "hush" not in result.output
        rows = {row["setting"]: row["value"] for row in json.loads(result.stdout)}
        assert rows["nats_url"] == "nats://••••••••@a:4222, tls://••••••••@b:4222"

    def test_a_bad_setting_is_refused_by_name(self):
        result = runner.invoke(app, ["config"], env={"PENSTOCK_PORT": "lots"})
        assert result.exit_code == 1
        assert "`port`" in result.output

    @pytest.mark.usefixtures("no_variable_of_the_suite")
    def test_a_variable_that_is_misspelt_is_told_beside_the_output(self):
        result = runner.invoke(app, ["config"], env={"PENSTOCK_SYNC_SECOND": "7", "PENSTOCK_URL": "http://a"})
        assert result.stderr == (
            "penstock: PENSTOCK_SYNC_SECOND is set and is no setting; did you mean PENSTOCK_SYNC_SECONDS?\n"
        )
        rows = {row["setting"]: row for row in json.loads(result.stdout)}
        assert (rows["sync_seconds"]["value"], rows["sync_seconds"]["source"]) == (30.0, "default")

    def test_the_file_of_the_folder_is_read(self, tmp_path):
        (tmp_path / "penstock.toml").write_text("sync_seconds = 7\n")
        rows = {row["setting"]: row for row in json.loads(runner.invoke(app, ["config"]).stdout)}
        assert rows["sync_seconds"]["value"] == 7

    def test_a_file_that_is_named_and_not_there_is_refused(self, tmp_path):
        result = runner.invoke(app, ["config"], env={"PENSTOCK_CONFIG": str(tmp_path / "other.toml")})
        assert result.exit_code == 1
        assert "other.toml, which is no file" in result.output


class TestUp:
    """What a user can mend is one line."""

    @pytest.fixture(autouse=True)
    def _logs_stay_with_the_tests(self, monkeypatch):
        """The runner's standard error closes with it; loggers that were made for it would not."""
        monkeypatch.setattr("penstock.infra.telemetry.configure_logging", lambda *_: None)

    def refusal(self, *options):
        result = runner.invoke(app, ["up", "--port", "0", *map(str, options)])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit)
        return result.output

    def test_a_data_directory_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").touch()
        assert str(tmp_path / "file") in self.refusal("--data", tmp_path / "file")

    def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_starts(self, tmp_path):
        assert "its directory does not exist" in self.refusal("--data", "d", "--ready-file", tmp_path / "no" / "ready")
        assert not (tmp_path / "d").exists()

    def test_an_address_that_this_machine_lacks_is_named(self, tmp_path):
        assert "192.0.2.1" in self.refusal("--data", "d", "--host", "192.0.2.1")

    @pytest.mark.usefixtures("no_variable_of_the_suite")
    def test_a_misspelt_variable_is_warned_of_in_the_log(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PENSTOCK_RUNNER", "1")
        (tmp_path / "file").touch()
        with capture_logs() as lines:
            self.refusal("--data", tmp_path / "file")
        (line,) = lines
        assert line["log_level"] == "warning"
        assert line["reason"] == "PENSTOCK_RUNNER is set and is no setting; did you mean PENSTOCK_RUNNERS?"


class TestBesideAnInstance:
    @pytest.mark.parametrize("command", [["status"], ["sync"]])
    def test_a_command_that_needs_an_instance_says_that_none_runs(self, command, tmp_path):
        result = runner.invoke(app, [*command, "--data", str(tmp_path)])
        assert result.exit_code == 1
        assert "no Penstock runs on" in result.output

    def test_sql_says_that_there_is_no_warehouse_yet(self, tmp_path):
        result = runner.invoke(app, ["sql", "--data", str(tmp_path), "select 1"])
        assert result.exit_code == 1
        assert "no warehouse" in result.output


class TestRun:
    def test_an_unknown_role_is_refused_with_the_known_ones(self):
        result = runner.invoke(app, ["run", "sink"])
        assert result.exit_code == 1
        assert "control, edge, engine, warehousing" in result.output


class TestOutput:
    def test_csv_has_a_header(self, capsys):
        write_rows(("a", "b"), [(1, "x,y"), (None, "ä")], "csv")
        assert capsys.readouterr().out == 'a,b\n1,"x,y"\n,ä\n'

    def test_json_is_a_list_of_objects(self, capsys):
        write_rows(("a",), [(2**63,)], "json")
        assert json.loads(capsys.readouterr().out) == [{"a": 2**63}]

    def test_a_table_shows_markup_as_text(self, capsys):
        write_rows(("a",), [("[bold]x",)], "table")
        assert "[bold]x" in capsys.readouterr().out

    def test_a_table_breaks_no_identifier_and_leaves_out_what_is_empty_before_it_would(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "50")
        ids = ["dGL6tpENRVQ8kfmtOidP8R", "um2pWuND9AL4ExCSutVkFa"]
        write_rows(("id", "name", "destinationMetadataId"), [(each, "a few words here", "") for each in ids], "table")
        shown = capsys.readouterr().out
        assert all(each in shown for each in ids)
        assert "┃ id" in shown
        assert "destinationMetadataId" not in shown

    @pytest.mark.parametrize("width", [60, 80, 110, 200])
    def test_whatever_the_width_no_line_is_longer_and_no_word_is_broken(self, capsys, monkeypatch, width):
        monkeypatch.setenv("COLUMNS", str(width))
        words = ["be66545d-954c-497e-a419-3704ca6880a8", "Order", "Completed", "schema_violation", "track"]
        columns = ("messageId", "eventType", "eventName", "beforeEnding", "about", "before")
        row = (words[0], words[4], " ".join(words[1:3]), words[3], "some words that may be folded " * 5, None)
        write_rows(columns, [row, row], "table")
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= width
        assert [shown.count(word) for word in words] == [2] * len(words)

    def test_what_is_too_wide_for_a_table_is_shown_as_records_without_what_is_empty(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "60")
        columns = [f"column_{number}" for number in range(20)]
        write_rows(columns, [(*range(19), None), ("[bold]x", *range(18), None)], "table")
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines[:2] == [["column_0", "0"], ["column_1", "1"]]
        assert lines[19:21] == [[], ["column_0", "[bold]x"]]
        assert len(lines) == 2 * 19 + 1
