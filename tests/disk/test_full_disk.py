"""A disk that fills under load: who gives way, that nothing acknowledged is lost, and that all comes back by itself."""

import json

import httpx
import pytest

from penstock.testing.instance import Instance, wait_until
from tests.disk.filling import (
    MEGABYTES,
    SETTINGS,
    Sender,
    assert_everything_acknowledged_is_there_once,
    configuration_of,
)
from tests.disk.small_disk import small_disk


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        yield disk


@pytest.fixture
def instance(disk):
    with Instance(disk.folder / "data", SETTINGS) as running:
        yield running


@pytest.fixture
def sender(instance):
    sender = Sender(instance)
    sender.start()
    wait_until(lambda: len(sender.acknowledged) > 100, 90, "events that are taken")
    yield sender
    sender.end()


def readiness(instance):
    answer = httpx.get(f"{instance.url}/readyz", timeout=10)
    return answer.status_code, json.dumps(answer.json())


def cannot_store(instance):
    """Whether a write of the log engine has failed, as it says itself."""
    monitoring = json.loads(configuration_of(instance).read_text())["http"]
    return "write error" in httpx.get(f"http://{monitoring}/healthz", timeout=10).text


def takes_more(sender):
    before = len(sender.acknowledged)
    return lambda: len(sender.acknowledged) > before + 100


def test_before_the_disk_is_full_events_are_refused_and_later_taken_again(disk, instance, sender, report):
    disk.leave(24)
    wait_until(lambda: 503 in sender.answers, 90, "a refusal")
    assert disk.free > 8 << 20
    status, reasons = readiness(instance)
    assert status == 503
    assert "the disk is low" in reasons
    assert sender.retry_after == {"5"}
    assert instance.command("status", check=False).returncode != 0
    disk.make_room()
    wait_until(lambda: readiness(instance)[0] == 200, 90, "readiness")
    wait_until(takes_more(sender), 90, "events that are taken again")
    wait_until(lambda: instance.command("status", check=False).returncode == 0, 60, "a healthy status")
    assert_everything_acknowledged_is_there_once(instance, sender, report, "low disk")


def test_a_disk_that_is_full_at_once_costs_nothing_that_was_acknowledged(disk, instance, sender, report):
    wait_until(lambda: disk.leave(0) or cannot_store(instance), 60, "a log engine that met the full disk")
    wait_until(lambda: 503 in sender.answers, 60, "a refusal")
    refused = sender.answers[503]
    wait_until(lambda: sender.answers[503] > refused + 50, 60, "more refusals")
    disk.make_room()
    wait_until(takes_more(sender), 90, "events that are taken again")
    wait_until(lambda: instance.command("status", check=False).returncode == 0, 90, "a healthy status")
    assert "it has switched itself off" in instance.log()
    assert_everything_acknowledged_is_there_once(instance, sender, report, "full disk")
