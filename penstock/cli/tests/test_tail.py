"""How lines of the live view look, and what the command says when there is nobody to ask."""

import re

import pytest
from typer.testing import CliRunner

from penstock.cli.app import app
from penstock.cli.tail_line import printable, rendered

TIME = "2030-01-02T10:00:01.250Z"


def line(step="destination", **about):
    plain = {"step": step, "time": TIME, "workspaceId": "w", "sourceId": "s", "destination": "Webhook"}
    plain |= {"messageId": "m-1", "eventType": "track", "eventName": "Order Completed", "userId": "u1"}
    return plain | about


def columns(**about):
    return re.split(r"\s{2,}", rendered(line(**about)).plain)


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        ({"step": "received", "source": "shop"}, ["received", "shop", "Order Completed", "u1", "m-1"]),
        ({"step": "pipeline", "outcome": "SUCCESSFULLY_RECEIVED"}, ["passed", "pipeline", "Order Completed", "u1"]),
        (
            {"step": "pipeline", "outcome": "FAILED_ON_INGEST", "reason": "duplicate"},
            ["refused", "pipeline", "Order Completed", "u1", "duplicate"],
        ),
        (
            {"outcome": "SUCCESSFUL_DELIVERY", "reason": "successes.attempt.2", "attempt": 2, "status": 201},
            ["delivered", "→ Webhook", "Order Completed", "u1", "attempt 2: 201"],
        ),
        (
            {"outcome": "FAILED_DELIVERY", "reason": "400", "attempt": 1, "status": 400},
            ["failed", "→ Webhook", "Order Completed", "u1", "attempt 1: 400"],
        ),
        (
            {"outcome": "AWAITING_RETRY", "reason": "ETIMEDOUT", "attempt": 1, "status": 408},
            ["retrying", "→ Webhook", "Order Completed", "u1", "attempt 1: 408 ETIMEDOUT"],
        ),
        (
            {"outcome": "FILTERED_AT_DESTINATION", "reason": "FILTERED_BY_INTEGRATIONS_OBJECT", "eventName": ""},
            ["filtered", "→ Webhook", "track", "u1", "FILTERED_BY_INTEGRATIONS_OBJECT"],
        ),
        (
            {"step": "warehouse", "outcome": "SUCCESSFUL_DELIVERY"},
            ["loaded", "→ warehouse", "Order Completed", "u1"],
        ),
        (
            {"step": "received", "source": "shop", "count": 3, "userId": ""},
            ["received", "shop", "Order Completed", "3 events"],
        ),
    ],
)
def test_a_line_tells_verdict_place_event_person_and_detail(about, shown):
    assert columns(**about)[1:] == shown


def test_long_ids_and_names_are_cut_so_that_a_line_fits_into_a_hundred_columns():
    long = line("received", source="s" * 90, eventName="e" * 100, userId="u" * 255, messageId="m" * 100)
    text = rendered(long, 100).plain
    assert len(text) <= 100
    assert text.count("…") == 4


def test_what_a_function_prints_stands_behind_its_level_and_its_id():
    printed = {"level": "warn", "functionId": "dfn_1", "text": "two\nlines"}
    shown = rendered({"step": "function", "time": "2030-01-02T10:00:00.000Z"} | printed).plain
    assert shown.split(maxsplit=1)[1] == "warn       ƒ dfn_1             two·lines"


def test_what_a_sender_writes_is_never_obeyed_by_the_terminal():
    hostile = line(eventName="\x1b[2J\x07[red]x", userId="a\r\nb\u202e")
    text = rendered(hostile).plain
    assert not re.search(r"[\x00-\x1f\u202e]", text)
    assert "[red]x" in text
    assert printable("a\x9bb\u2028") == "a·b·"


def test_without_an_instance_it_says_so_and_ends_with_one(tmp_path):
    refused = CliRunner().invoke(app, ["tail", "--data", str(tmp_path)])
    assert refused.exit_code == 1
    assert f"no Penstock runs on {tmp_path}" in refused.stderr
