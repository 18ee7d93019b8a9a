import asyncio

import pytest

from penstock.testing.control_plane import V1


async def test_it_says_back_what_was_said_and_keeps_credentials_to_itself(control):
    found = await control.data("GET", "/echo?message=ho%20la", x_one="1", cookie="secret", accept=V1)
    assert (found["method"], found["message"], found["headers"]["x-one"]) == ("get", "ho la", "1")
    assert not {"authorization", "cookie"} & set(found["headers"])


@pytest.mark.parametrize(
    ("query", "status", "number"),
    [
        ("triggerError=true", 400, 1),
        ("triggerError=true&triggerMultipleErrors=true&triggerUnexpectedError=true", 400, 1),
        ("triggerMultipleErrors=true&triggerUnexpectedError=true", 400, 2),
        ("triggerError=true&statusCode=418", 418, 1),
        ("triggerError=false&statusCode=404", 404, 1),
        ("statusCode=503", 503, 1),
        ("triggerError=true&statusCode=200", 400, 1),
    ],
)
async def test_it_fails_as_it_is_told_to(control, query, status, number):
    answer = await control.ask("GET", f"/echo?message=no&{query}", accept=V1)
    assert answer.status_code == status
    assert [each["message"] for each in answer.json()["errors"]] == ["no"] * number


async def test_an_unexpected_error_is_told_as_any_other(control):
    answer = await control.ask("GET", "/echo?message=secret&triggerUnexpectedError=true")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "message"),
        ("message=a&delay=10001", "delay"),
        ("message=a&delay=soon", "delay"),
        ("message=a&triggerError=maybe", "triggerError"),
        ("message=a&statusCode=302", "statusCode"),
        ("message=a&statusCode=600", "statusCode"),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(control, query, field):
    answer = await control.ask("GET", f"/echo?{query}", accept=V1)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_who_waits_keeps_nobody_else_from_the_database(control):
    waiting = [asyncio.create_task(control.data("GET", "/echo?message=a&delay=1000")) for _ in range(30)]
    await asyncio.sleep(0)
    await control.data("GET", "/sources")
    assert not any(each.done() for each in waiting)
    assert [each["message"] for each in await asyncio.gather(*waiting)] == ["a"] * 30
