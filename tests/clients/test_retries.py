"""What the real clients send again, and that nothing acknowledged is lost and nothing is doubled by it.

tracking-api.md §14.2 is the table. The clients pinned here are newer than it: both wait as `Retry-After` says.
"""

import os
import signal
import threading
from collections import Counter
from contextlib import contextmanager

import httpx
from real_clients import NODE, PYTHON, statuses, tracks

from penstock.ingest.answers import Refusal
from penstock.testing.instance import wait_until
from penstock.testing.observing import outcomes
from penstock.testing.receiver import Receiver, Reply
from penstock.testing.sender import sender, track

DEBT = 65
"""Events beyond the allowance, so many that a client that starts slowly still finds it in debt."""
CONNECTION = {"host", "connection", "content-length", "transfer-encoding"}
"""Headers that belong to one connection: whoever passes the request on writes its own."""
JSON = {"content-type": "application/json"}


def test_an_answer_that_was_cut_off_is_asked_for_again_and_nothing_is_doubled(stage, slug, answers, client):
    stage.proxy.cut_at_answer(b"success")
    before = stage.proxy.cuts
    source = stage.source(slug)
    ran = client.run(stage.url, source["writeKeys"][0], tracks(slug, 20), **client.one_request(20))
    assert stage.proxy.cuts == before + 1
    assert not ran.failed
    assert statuses(answers)[-1] == 200
    wait_until(
        lambda: (
            outcomes(stage.instance, of_source_itself=True, source_id=source["id"])
            == {("SUCCESSFULLY_RECEIVED", ""): 20, ("FAILED_ON_INGEST", "duplicate"): 20}
        ),
        15,
        "every event counted twice, once as a duplicate",
    )
    assert stage.loaded(slug) == Counter(ran.ids)


def test_a_request_that_was_cut_off_is_sent_again(stage, slug, answers, client):
    stage.proxy.cut_after_sent(300)
    ran = client.run(stage.url, stage.key(slug), tracks(slug, 20))
    assert not ran.failed
    assert stage.loaded(slug) == Counter(ran.ids)


def test_an_edge_that_is_killed_is_waited_for(stage, slug, answers, client):
    key = stage.key(slug)
    os.kill(stage.instance.pid_of("edge"), signal.SIGKILL)
    ran = client.run(stage.url, key, tracks(slug, 20))
    assert not ran.failed
    assert stage.loaded(slug) == Counter(ran.ids)


def test_after_429_a_client_waits_as_long_as_it_is_told(stage, slug, answers, client):
    """The allowance for unknown keys is in debt; each event is counted once under its reason."""
    key = slug.ljust(32, "u")
    failed = ("FAILED_ON_INGEST", "unknown_source")
    before = outcomes(stage.instance).get(failed, 0)
    with sender(stage.instance.url, key) as send:
        wait_until(lambda: send.post("/v1/batch", debt(slug)).status_code == 200, 90, "an allowance")
    ran = client.run(stage.url, key, tracks(slug, 5), **client.one_request(5))
    assert not ran.failed
    assert statuses(answers) == [429, 200]
    (refused_at, _), (taken_at, _) = answers
    assert taken_at - refused_at >= 1
    wait_until(lambda: outcomes(stage.instance).get(failed, 0) >= before + DEBT + 5, 60, "all events counted")
    assert outcomes(stage.instance)[failed] == before + DEBT + 5


def test_after_500_a_client_sends_again_and_what_was_stored_stands_once(stage, slug, client):
    """The edge takes all three requests, and the client hears 500 of the first two."""
    source = stage.source(slug)
    with forwarded(stage.instance.url, failures=2) as (edge_said, url):
        ran = client.run(url, source["writeKeys"][0], tracks(slug, 20), **client.one_request(20))
    assert edge_said == [200, 200, 200]
    assert not ran.failed
    wait_until(
        lambda: (
            outcomes(stage.instance, of_source_itself=True, source_id=source["id"])
            == {("SUCCESSFULLY_RECEIVED", ""): 20, ("FAILED_ON_INGEST", "duplicate"): 40}
        ),
        15,
        "every event counted three times, twice as a duplicate",
    )
    assert stage.loaded(slug) == Counter(ran.ids)


def test_after_503_both_clients_try_until_the_log_is_back(stage, answers):
    """The log engine is stopped for as long as the edge is patient."""
    keys = {client.name: stage.key(f"stopped-{client.name}") for client in (PYTHON, NODE)}
    results = {}

    def run(client):
        calls = tracks(f"stopped-{client.name}", 20)
        results[client.name] = client.run(stage.url, keys[client.name], calls, **client.patient)

    threads = [threading.Thread(target=run, args=(client,)) for client in (PYTHON, NODE)]
    log = stage.instance.pid_of("log")
    os.kill(log, signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: statuses(answers).count(503) >= 2, 90, "503 for both clients")
    finally:
        os.kill(log, signal.SIGCONT)
    for thread in threads:
        thread.join(60)
    assert set(statuses(answers)) == {503, 200}
    for name, ran in results.items():
        assert not ran.failed
        assert stage.loaded(f"stopped-{name}") == Counter(ran.ids)
    assert results.keys() == keys.keys()


@contextmanager
def forwarded(url, failures):
    """What the edge behind said so far, and the address before it, where as many first answers become its 500."""
    edge_said = []

    def answer(request):
        headers = {name: value for name, value in request.headers.items() if name not in CONNECTION}
        said = httpx.request(request.method, url + request.path, headers=headers, content=request.body, timeout=30)
        edge_said.append(said.status_code)
        if len(edge_said) <= failures:
            return Reply(500, JSON, Refusal(500, "internal", "Internal error").body())
        return Reply(said.status_code, JSON, said.content)

    with Receiver(answer) as receiver:
        yield edge_said, receiver.url


def debt(slug):
    """More events than the allowance for unknown keys holds."""
    return {"batch": [track(f"{slug}-debt-{number}") for number in range(DEBT)]}
