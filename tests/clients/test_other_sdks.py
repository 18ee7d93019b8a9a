"""What the SDKs that do not run here send, and how each of them reads the edge's answers."""

import os
import signal
import threading

import pytest
from other_sdks import SDKS
from real_clients import Stage

from penstock.testing.instance import wait_until

TABLES = ("tracks", "identifies", "pages", "screens", "groups", "aliases")


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name)
def sdk(request):
    return request.param


def port_of(stage: Stage) -> int:
    return int(stage.instance.url.rpartition(":")[2])


def test_every_call_is_taken_and_stands_in_its_table_once(stage, sdk):
    slug = f"other-{sdk.name}"
    events = sdk.events(slug)
    answer = sdk.ask(port_of(stage), stage.key(slug), events)
    assert (answer.status, sdk.read(answer)) == (200, "taken")
    for event, table in zip(events, TABLES, strict=True):
        assert stage.loaded(slug, table) == {event["messageId"]: 1}
    schema = slug.replace("-", "_")
    row = stage.instance.sql(
        f"select context_library_name as library, user_id, epoch_ms(original_timestamp) as at from {schema}.tracks"
    )[0]
    assert row["library"].startswith(f"analytics-{sdk.name.partition('-')[0]}")
    assert (row["user_id"], row["at"]) == ("u-1", 1893578400000)


def test_a_refusal_is_read_as_one(stage, sdk):
    answer = sdk.ask(port_of(stage), "short", sdk.events(f"refused-{sdk.name}"))
    assert answer.status == 400
    assert sdk.read(answer) == ("repeated" if sdk.name == "go" else "dropped")


def test_too_much_is_told_with_a_time_to_wait(stage, sdk):
    key, events = f"other-{sdk.name}".ljust(32, "u"), sdk.events(f"many-{sdk.name}")
    answers = [sdk.ask(port_of(stage), key, events) for _ in range(4)]
    refused = next(answer for answer in answers if answer.status != 200)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert sdk.read(refused) == "repeated"


def test_while_the_log_is_stopped_all_are_asked_to_come_again(stage):
    answers = {}
    keys = {sdk.name: stage.key(f"silent-{sdk.name}") for sdk in SDKS}

    def ask(sdk):
        answers[sdk.name] = sdk.ask(port_of(stage), keys[sdk.name], sdk.events(f"silent-{sdk.name}"))

    threads = [threading.Thread(target=ask, args=(sdk,)) for sdk in SDKS]
    log = stage.instance.pid_of("log")
    os.kill(log, signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) == len(SDKS), 90, "an answer for everybody")
    finally:
        os.kill(log, signal.SIGCONT)
    for sdk in SDKS:
        assert answers[sdk.name].status == 503
        assert int(answers[sdk.name].headers["retry-after"]) >= 1
        assert sdk.read(answers[sdk.name]) == "repeated"
        again = sdk.ask(port_of(stage), keys[sdk.name], sdk.events(f"silent-{sdk.name}"))
        assert sdk.read(again) == "taken"
        assert stage.loaded(f"silent-{sdk.name}") == {f"silent-{sdk.name}-track": 1}
