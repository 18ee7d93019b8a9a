"""What functions print, from the queue of a process to the stream that keeps it, and out of it again."""

import asyncio
from collections.abc import Iterable

import pytest

from penstock.functions.instance import Program
from penstock.functions.logs import REQUESTS_AT_ONCE, LogQueue
from penstock.functions.outcome import Consequence, Outcome
from penstock.history import FunctionLogs, function_logs
from penstock.infra.log import Log
from penstock.kit.clock import ManualClock
from penstock.spec.function_logs import LINE_LIMIT, LINES, DropLogs, FindLogs, KeptRequest
from penstock.spec.streams import FUNCTION_LOGS
from penstock.spec.tail import TailLine, TailStep


class Kept:
    """The stream, a queue before it and who answers for it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.queue = LogQueue(log, ManualClock())
        self.answers = FunctionLogs(log, self.queue)

    def print(self, *texts: str, workspace: str = "w", function: str = "f", place: str = "d", **values) -> None:
        outcome = Outcome(logs=[f"log {text}" for text in texts], **values)
        self.queue.offer(place, Program("DESTINATION", "", workspace, function), outcome)

    async def texts(self, workspace: str = "w", function: str = "f", limit: int = LINES) -> list[str]:
        return [line.text for line in (await self.answers.find(FindLogs(workspace, function, limit))).lines]


@pytest.fixture
async def kept(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    made = Kept(log)
    yield made
    await made.answers.close()
    await log.close()


class TestWriting:
    async def test_lines_keep_their_order_and_their_function(self, kept):
        kept.print("a", "b")
        kept.print("other", function="g")
        kept.print("c", place="d2/f")
        await kept.queue.write()
        lines = (await kept.answers.find(FindLogs("w", "f", LINES))).lines
        assert [(line.level, line.text, line.place_id, line.skipped) for line in lines] == [
            ("log", "a", "d", 0),
            ("log", "b", "d", 0),
            ("log", "c", "d2", 0),
        ]
        assert await kept.texts(function="g") == ["other"]
        assert await kept.texts(workspace="elsewhere") == []

    async def test_what_a_failed_run_had_asked_for_stands_before_its_end_and_is_deleted_with_it(self, kept):
        asked = KeptRequest("POST", "https://a/", 500, "", {"accept": "json"}, "body", {}, "no")
        failed = {"consequence": Consequence.REFUSED, "code": "bad_request", "message": "Error: no"}
        kept.print("a", requests=[asked], **failed)
        await kept.queue.write()
        lines = (await kept.answers.find(FindLogs("w", "f", LINES))).lines
        assert [(line.level, line.text) for line in lines] == [
            ("log", "a"),
            ("request", "POST https://a/ 500"),
            ("throw", "Error: no"),
        ]
        assert [line.request for line in lines] == [None, asked, None]
        assert (await kept.answers.drop(DropLogs("w"))).count == 3

    async def test_of_many_requests_at_once_the_first_are_kept_whole(self, kept):
        asked = KeptRequest("GET", "https://a/", 0, "ECONNREFUSED", {}, "", {}, "")
        kept.print(requests=[asked] * (REQUESTS_AT_ONCE + 1), consequence=Consequence.RETRIED)
        await kept.queue.write()
        lines = (await kept.answers.find(FindLogs("w", "f", LINES))).lines
        assert [line.request for line in lines] == [asked] * REQUESTS_AT_ONCE + [None, None]
        assert {line.text for line in lines[:-1]} == {"GET https://a/ ECONNREFUSED"}

    async def test_what_a_run_was_ended_by_stands_behind_what_it_printed(self, kept):
        kept.print("a", consequence=Consequence.REFUSED, code="bad_request", message="TypeError: no")
        kept.print("dropped", consequence=Consequence.DROPPED, message="DropEvent: on purpose")
        await kept.queue.write()
        lines = (await kept.answers.find(FindLogs("w", "f", LINES))).lines
        told = [(line.level, line.text) for line in lines]
        assert told == [("log", "a"), ("throw", "TypeError: no"), ("log", "dropped")]

    async def test_of_a_noisy_function_the_newest_lines_are_kept_and_the_lost_ones_counted(self, kept):
        kept.print("quiet", function="g")
        for number in range(LINES * 3):
            kept.print(str(number))
        await kept.queue.write()
        kept.print("last", "x" * 4_000)
        await kept.queue.write()
        lines = (await kept.answers.find(FindLogs("w", "f", LINES))).lines
        assert [line.text for line in lines[:-2]] == [str(number) for number in range(LINES * 2 + 2, LINES * 3)]
        assert [line.text for line in lines[-2:]] == ["last", "x" * LINE_LIMIT]
        assert await kept.texts(limit=1) == ["x" * LINE_LIMIT]
        assert await kept.texts(function="g") == ["quiet"]

    async def test_how_many_were_lost_stands_in_the_first_line_behind_them(self, kept):
        kept.print(*map(str, range(LINES + 5)))
        await kept.queue.write()
        assert [line.skipped for line in (await kept.answers.find(FindLogs("w", "f", LINES))).lines][:2] == [5, 0]

    async def test_more_functions_than_fit_into_one_batch_are_written(self, kept):
        for number in range(12):
            kept.print(*map(str, range(LINES)), function=f"f{number}")
        await kept.queue.write()
        assert (await kept.log.state(FUNCTION_LOGS)).messages == 12 * LINES

    async def test_more_functions_than_may_wait_lose_theirs(self, kept, monkeypatch):
        monkeypatch.setattr("penstock.functions.logs.FUNCTIONS_AT_ONCE", 1)
        kept.print("a")
        kept.print("b", function="g")
        kept.print("c")
        await kept.queue.write()
        assert (await kept.texts(), await kept.texts(function="g")) == (["a", "c"], [])

    async def test_nothing_waits_and_nothing_fails_while_the_log_engine_is_away(self, kept, own_nats_server, capsys):
        kept.print("before")
        await kept.queue.write()
        await own_nats_server.kill()
        kept.print("lost")
        await kept.queue.write()
        assert "What functions printed is lost." in capsys.readouterr().out
        await own_nats_server.start()
        await kept.log.wait_connected(10)
        kept.print("after")
        await kept.queue.write()
        assert await kept.texts() == ["after"]

    async def test_who_watches_is_told(self, kept):
        told: list[TailLine] = []

        class Watched:
            is_open = True

            def offer(self, lines: Iterable[TailLine]) -> None:
                told.extend(lines)

        kept.queue = LogQueue(kept.log, ManualClock(), tap=Watched())
        kept.print("a")
        await kept.queue.write()
        (line,) = told
        assert (line.step, line.workspace_id, line.function_id, line.text) == (TailStep.FUNCTION, "w", "f", "a")

    async def test_they_are_never_on_the_disk(self, kept, own_nats_server):
        kept.print("u-4f1c-printed")
        await kept.queue.write()
        assert await kept.texts() == ["u-4f1c-printed"]
        files = [file for file in own_nats_server.directory.rglob("*") if file.is_file()]
        assert files
        assert not any(b"u-4f1c-printed" in file.read_bytes() for file in files)


class TestDropping:
    async def test_all_lines_of_a_workspace_go_at_once_those_that_wait_too(self, kept):
        kept.print("a")
        kept.print("b", function="g")
        kept.print("beside", workspace="w2")
        await kept.queue.write()
        kept.print("waits")
        kept.print("waits beside", workspace="w2")
        assert (await kept.answers.drop(DropLogs("w"))).count == 2
        await kept.queue.write()
        assert (await kept.texts(), await kept.texts(function="g")) == ([], [])
        assert await kept.texts(workspace="w2") == ["beside", "waits beside"]

    async def test_what_runs_meanwhile_is_dropped_soon(self, kept, monkeypatch):
        monkeypatch.setattr(function_logs, "AGAIN_SECONDS", 0.2)
        await kept.answers.drop(DropLogs("w"))
        kept.print("of a run that had begun")
        await kept.queue.write()
        assert await kept.texts()
        async with asyncio.timeout(60):
            while await kept.texts():
                await asyncio.sleep(0.05)
