import asyncio
import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from penstock.cli.app import app
from penstock.cli.resources import groups
from penstock.cli.resources.parser import build_parser
from penstock.cli.resources.values import read_body
from penstock.spec.calls import FoundHandlers
from penstock.spec.what_if import Difference, WhatIfReport

HTTP_API = "iUM16Md8P2"
pytestmark = pytest.mark.one_database


async def source(commands, slug="shop"):
    return await commands.json("sources", "create", "--slug", slug, "--metadata-id", HTTP_API)


def completed(line):
    given = {
        "_PENSTOCK_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    return CliRunner().invoke(app, [], env=given, prog_name="penstock").stdout.split()


class TestTable:
    @pytest.mark.parametrize("name", groups())
    def test_every_command_explains_itself(self, name):
        for command in groups()[name]["commands"]:
            words = [name] if command == name else [name, command]
            shown = CliRunner().invoke(app, [*words, "--help"])
            assert shown.exit_code == 0, shown.output
            assert shown.stdout.startswith(f"usage: penstock {' '.join(words)}")

    def test_a_group_lists_its_commands(self):
        shown = CliRunner().invoke(app, ["destination-filters", "--help"], prog_name="penstock").stdout
        assert "preview" in shown

    def test_the_help_of_all_lists_the_groups_too(self):
        shown = CliRunner().invoke(app, ["--help"]).stdout
        assert "tracking-plans" in shown
        assert "status" in shown

    def test_a_group_of_one_command_that_is_called_like_it_is_that_command(self):
        shown = subprocess.run(
            [sys.executable, "-m", "penstock.cli", "what-if", "--help"], capture_output=True, text=True, check=True
        )
        assert shown.stdout.startswith("usage: penstock what-if [")
        assert "--schema-filters JSON" in shown.stdout

    def test_completion_knows_the_commands_of_a_resource(self):
        assert completed("penstock sources cre") == ["create", "create-write-key"]
        assert completed("penstock sources create --m") == ["--metadata-id"]


class TestOneThing:
    async def test_it_is_made_from_flags_read_changed_and_deleted(self, commands):
        made = await source(commands)
        assert (made["slug"], made["enabled"]) == ("shop", True)
        settings = '{"a": [1]}'
        changed = await commands.json(
            "sources", "update", made["id"], "--no-enabled", "--name", "Shop", "--settings", settings
        )
        assert (changed["name"], changed["enabled"], changed["settings"]["a"]) == ("Shop", False, [1])
        assert (await commands.json("sources", "get", made["id"]))["name"] == "Shop"
        assert await commands.json("sources", "delete", made["id"]) == {"status": "SUCCESS"}
        assert "does not exist" in await commands.refused("sources", "get", made["id"])

    async def test_a_source_is_named_by_its_slug_in_path_query_and_body(self, commands):
        made = await source(commands, "web-shop")
        assert (await commands.json("sources", "get", "web-shop"))["id"] == made["id"]
        given = ("--source-id", "web-shop", "--if", "all", "--drop", "--enabled")
        transformation = await commands.json("transformations", "create", "--name", "None passes", *given)
        assert transformation["sourceId"] == made["id"]
        assert (await commands.json("violations", "list", "--source-id", "web-shop"))["total"] == 0
        assert "source no-shop does not exist" in await commands.refused("sources", "get", "no-shop")
        forwarding = (
            "sources",
            "update-schema-settings",
            (await source(commands))["id"],
            "--forwarding-blocked-events-to",
        )
        changed = await commands.json(*forwarding, "web-shop")
        assert changed["settings"]["forwardingBlockedEventsTo"] == made["id"]
        assert "no source no-shop (--forwarding-blocked-events-to)" in await commands.refused(*forwarding, "no-shop")

    async def test_a_filter_by_what_nobody_knows_is_refused_by_its_flag_and_not_answered_with_nothing(self, commands):
        for words in (("violations", "list"), ("quarantine", "list"), ("quarantine", "drop")):
            assert "no source no-shop (--source-id)" in await commands.refused(*words, "--source-id", "no-shop")
        told = await commands.refused("quarantine", "replay", "--destination-id", "Webhook")
        assert "Webhook is no id of a destination (--destination-id)" in told

    async def test_two_parts_of_a_path_are_two_arguments(self, commands):
        await commands.json("labels", "create", "--key", "team", "--value", "web")
        assert await commands.json("labels", "delete", "team", "web") == {"status": "SUCCESS"}

    async def test_a_part_of_a_path_is_sent_as_it_is_written(self, commands):
        assert "a?b c" in await commands.refused("sources", "get", "a?b c")

    async def test_a_body_inside_of_another_has_flags_of_its_own(self, commands):
        made = await source(commands)
        destination = await commands.json(
            *("destinations", "create", "--source-id", made["id"], "--metadata-id", "614a3c7d791c91c41bae7599")
        )
        mapping = {"url": "http://127.0.0.1:1/", "method": "POST", "data": {"@path": "$."}}
        subscription = await commands.json(
            *("destinations", "create-subscription", destination["id"], "--name", "All", "--action-id", "send"),
            *("--trigger", 'type = "track"', "--enabled", "--settings", json.dumps(mapping)),
        )
        changed = await commands.json(
            "destinations", "update-subscription", destination["id"], subscription["id"], "--name", "Some"
        )
        assert (changed["name"], changed["trigger"]) == ("Some", 'type = "track"')


class TestBody:
    async def test_it_comes_from_a_file_and_flags_win(self, commands, tmp_path):
        (tmp_path / "body.json").write_text(json.dumps({"slug": "one", "metadataId": HTTP_API, "enabled": False}))
        made = await commands.json("sources", "create", "--file", "body.json", "--slug", "two")
        assert (made["slug"], made["enabled"]) == ("two", False)

    async def test_it_comes_from_standard_input(self, commands):
        text = json.dumps({"slug": "piped", "metadataId": HTTP_API})
        assert (await commands.json("sources", "create", "--file", "-", text=text))["slug"] == "piped"

    async def test_json_of_a_flag_comes_from_a_file(self, commands, tmp_path):
        (tmp_path / "settings.json").write_text('{"a": 1}')
        made = await commands.json(
            *("sources", "create", "--slug", "x", "--metadata-id", HTTP_API, "--settings", "@settings.json")
        )
        assert made["settings"] == {"a": 1}

    def test_the_code_of_a_function_comes_from_a_file_and_another_text_is_what_it_says(self, tmp_path):
        (tmp_path / "code.js").write_text("async function onTrack(event) {}")
        row = groups()["functions"]["commands"]["create"]
        words = ["--code", "@code.js", "--display-name", "@code.js", "--resource-type", "DESTINATION"]
        body = read_body(row, vars(build_parser("penstock functions create", row).parse_args(words)))
        assert (body["code"], body["displayName"]) == ("async function onTrack(event) {}", "@code.js")

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--slug", "x"], "--metadata-id is required"),
            ([], "--slug, --metadata-id are required"),
            (["--settings", "{"], "--settings is not JSON"),
            (["--settings", "@nothing"], "--settings: nothing cannot be read: No such file or directory"),
            (["--file", "nothing"], "--file: nothing cannot be read"),
            (["--slug", "", "--metadata-id", HTTP_API], "(--slug)"),
            (["--slug", "x", "--metadata-id", "nothing"], "(--metadata-id)"),
        ],
    )
    async def test_what_is_wrong_with_it_is_told_by_the_flag(self, commands, arguments, told):
        assert told in await commands.refused("sources", "create", *arguments)

    async def test_a_file_that_holds_no_object_is_refused(self, commands):
        assert "must hold a JSON object" in await commands.refused("sources", "create", "--file", "-", text="[]")


class TestLists:
    async def test_a_page_tells_that_there_are_more_and_all_shows_all(self, commands):
        for number in range(5):
            await source(commands, f"s{number}")
        first = await commands.run("sources", "list", "--count", "2")
        assert len(json.loads(first.stdout)) == 2
        assert "2 of 6 are shown" in first.stderr
        every = await commands.run("sources", "list", "--count", "2", "--all")
        assert len(json.loads(every.stdout)) == 6
        assert every.stderr == ""
        cursor = first.stderr.split("--cursor ")[1].split()[0]
        second = await commands.json("sources", "list", "--count", "2", "--cursor", cursor)
        assert [each["slug"] for each in second] == ["s1", "s2"]

    async def test_an_empty_list_is_an_empty_array(self, commands):
        assert await commands.json("tracking-plans", "list", "--all") == []

    async def test_a_list_without_pages_is_shown_whole(self, commands):
        assert len(await commands.json("labels", "list")) == 2

    async def test_flags_of_a_query_are_asked_with(self, commands):
        assert await commands.json("audit-trail", "list", "--resource-type", "NOTHING") == []
        assert await commands.json("iam-users", "delete", "--user-ids", "a", "--user-ids", "b") == {"status": "SUCCESS"}

    @pytest.mark.parametrize("words", [["sources", "list"], ["sources", "--help"]])
    async def test_a_reader_who_has_heard_enough_ends_them_without_a_traceback(self, commands, words):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "penstock.cli", *words]
        given = {"stdout": writing, "stderr": asyncio.subprocess.PIPE, "env": {**os.environ, **commands.environment}}
        process = await asyncio.create_subprocess_exec(*command, **given)
        os.close(writing)
        _, told = await process.communicate()
        assert (process.returncode, told) == (1, b"")


class TestTerminal:
    @pytest.fixture(autouse=True)
    def _on_a_terminal(self, monkeypatch):
        monkeypatch.setattr("penstock.cli.resources.showing.chosen_format", lambda **_: "table")

    async def test_a_list_is_a_table_of_what_tells_its_items_apart(self, commands):
        shown = (await commands.run("sources", "list")).stdout
        assert "my-first" in shown
        assert "…" not in shown
        assert [column in shown for column in ("id", "slug", "writeKeys")] == [True, True, False]

    async def test_one_thing_is_a_table_of_its_fields(self, commands):
        asked = {"slug": "shop", "metadataId": HTTP_API}
        made = (await commands.control.data("POST", "/sources", asked))["source"]
        shown = (await commands.run("sources", "get", made["id"])).stdout
        assert "enabled" in shown
        assert "yes" in shown
        assert f"HTTP API ({HTTP_API})" in shown
        assert "isCloudEventSource" not in shown

    async def test_an_answer_of_several_parts_is_a_table_of_its_fields_and_one_of_each_list(self, commands):
        report = WhatIfReport(7, {"": 7}, {"": 7}, 1, [Difference("m1", "track", "Signup", "", "", b"{}", b"{}")])
        commands.control.roles.replies["WhatIf"] = report
        (found,) = (await commands.control.data("GET", "/sources"))["sources"]
        when = ("--since", "2030-01-02", "--until", "2030-01-03", "--rules", "[]")
        shown = (await commands.run("what-if", "--source-id", found["id"], *when)).stdout
        assert '{"": 7}' in shown
        assert [word in shown for word in ("messageId", "m1", "samples")] == [True, True, False]

    async def test_a_list_of_texts_has_one_column(self, commands):
        await commands.control.data("POST", "/invites", {"invites": [{"email": "ada@example.com"}]})
        shown = (await commands.run("iam-users", "list-invites")).stdout
        assert "invites" in shown
        assert "ada@example.com" in shown


class TestReaching:
    async def test_an_unknown_token_is_told_with_what_mends_it(self, commands):
        assert "--token or PENSTOCK_TOKEN" in await commands.refused("sources", "list", PENSTOCK_TOKEN="nobody")

    async def test_an_address_without_a_token_is_refused(self, commands):
        assert "a token is needed" in await commands.refused("sources", "list", PENSTOCK_TOKEN="")

    async def test_an_address_where_nobody_answers_is_named(self, commands):
        told = await commands.refused("sources", "list", PENSTOCK_URL="http://127.0.0.1:1")
        assert told == "penstock: http://127.0.0.1:1 does not answer: Connection refused\n"

    async def test_without_an_address_an_instance_must_run_here(self, commands):
        assert "no Penstock runs on" in await commands.refused("sources", "list", PENSTOCK_URL="")


def test_a_command_of_a_resource_loads_nothing_heavy():
    """What made it slow; `make bench` measures the time itself."""
    told = "import sys; from penstock.cli.main import main; sys.argv = ['penstock', 'sources', 'list']\n"
    told += "try:\n    main()\nfinally:\n    print(*sys.modules)"
    environment = {**os.environ, "PENSTOCK_URL": "http://127.0.0.1:1", "PENSTOCK_TOKEN": "t"}
    done = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=False)
    assert "does not answer" in done.stderr
    loaded = set(done.stdout.split())
    assert "penstock.client.public_api.sources" in loaded
    assert not loaded & {"msgspec", "pydantic", "sqlalchemy", "structlog", "rich", "typer"}


async def test_what_the_api_warns_of_is_told_beside_the_answer(commands):
    code = ["--code", "const onTrack = (event) => event", "--display-name", "n", "--resource-type", "INSERT_SOURCE"]
    made = await commands.json("functions", "create", *code)
    deploy = ["functions", "create-deployment", made["id"]]
    assert (await commands.run(*deploy)).stderr == ""
    commands.control.roles.replies["FindHandlers"] = FoundHandlers(["onTrack"])
    done = await commands.run(*deploy)
    missing = "onIdentify, onPage, onScreen, onGroup, onAlias"
    warning = f"events of 5 types will be dropped: the function has no {missing}"
    assert (done.exit_code, done.stderr) == (0, f"penstock: warning: {warning}\n")
    assert json.loads(done.stdout) == {"status": "SUCCESS"}
