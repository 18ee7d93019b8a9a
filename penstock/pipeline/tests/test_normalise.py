import pytest

from penstock.kit.time import parse_iso

TEN = "2030-01-02T10:00:00"
RECEIVED = "2030-01-02T10:00:01.250Z"


def track(**fields):
    return {"type": "track", "event": "E", "userId": "u1"} | fields


def times(event):
    return {name: event[name] for name in ("receivedAt", "sentAt", "originalTimestamp", "timestamp")}


def iso(hours, minutes, seconds, ms):
    return f"2030-01-02T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z"


def ms_of(text):

    return parse_iso(text)


@pytest.mark.parametrize(
    ("client", "sent", "received", "expected"),
    [
        (iso(10, 0, 0, 0), iso(10, 0, 5, 0), iso(10, 2, 6, 500), iso(10, 2, 1, 500)),
        (iso(11, 0, 0, 0), iso(11, 0, 0, 400), iso(10, 0, 0, 500), iso(10, 0, 0, 100)),
        (iso(7, 0, 0, 0), iso(10, 0, 0, 0), iso(10, 0, 0, 200), iso(7, 0, 0, 200)),
        ("2019-05-01T00:00:00Z", None, iso(10, 0, 0, 0), "2019-05-01T00:00:00.000Z"),
        (None, None, iso(10, 0, 0, 500), iso(10, 0, 0, 500)),
        (None, iso(9, 0, 0, 0), iso(10, 0, 0, 500), iso(10, 0, 0, 500)),
    ],
    ids=["two minutes slow", "an hour fast", "three hours offline", "import", "nothing", "sent time alone"],
)
@pytest.mark.parametrize("is_of_batch", [True, False])
def test_the_clients_clock_is_taken_out(pipeline, client, sent, received, expected, is_of_batch):
    event = track() | ({} if client is None else {"timestamp": client})
    changes = {"received_at": ms_of(received)}
    if sent is not None and is_of_batch:
        changes["sent_at"] = b'"%s"' % sent.encode()
    elif sent is not None:
        event["sentAt"] = sent
    assert times(pipeline.one(event, **changes)) == {
        "receivedAt": received,
        "sentAt": sent or received,
        "originalTimestamp": received if client is None else expected if sent is None else client,
        "timestamp": expected,
    }


def test_a_time_with_an_offset_is_written_in_utc(pipeline):
    event = pipeline.one(track(timestamp="2030-01-02T11:00:00+01:00", sentAt="2030-01-02T10:00:01.250+00:00"))
    assert event["originalTimestamp"] == event["timestamp"] == TEN + ".000Z"
    assert event["sentAt"] == RECEIVED


def test_the_events_own_sent_time_beats_the_batchs(pipeline):
    event = pipeline.one(track(timestamp=TEN + "Z", sentAt=TEN + ".250Z"), sent_at=b'"2030-01-02T09:00:00Z"')
    assert (event["sentAt"], event["timestamp"]) == (TEN + ".250Z", TEN[:-1] + "1.000Z")


@pytest.mark.parametrize("broken", ["yesterday", 1893578400, None, {}, True, ""])
def test_a_time_that_cannot_be_read_counts_as_absent(pipeline, broken):
    event = pipeline.one(track(timestamp=broken, sentAt=broken), sent_at=b'"soon"')
    assert set(times(event).values()) == {RECEIVED}


def test_a_client_original_timestamp_is_the_original(pipeline):
    event = pipeline.one(track(timestamp="2030-01-02T09:00:00Z", originalTimestamp=TEN + "Z"))
    assert (event["originalTimestamp"], event["timestamp"]) == (TEN + ".000Z", TEN + ".000Z")


def test_times_beyond_what_the_format_says_do_not_stop_anything(pipeline):
    event = pipeline.one(track(timestamp="9999-12-31T23:59:59Z", sentAt="0001-01-01T00:00:00Z"))
    assert event["timestamp"] == "9999-12-31T23:59:59.999Z"


def test_fc42_an_event_of_the_far_future_is_kept_and_counted(pipeline, build):
    judged = pipeline.judge(
        build.request([track(timestamp="2031-01-02T10:00:00Z"), track(timestamp="2030-01-03T10:00:00Z"), track()])
    )
    assert judged.events[0]["timestamp"] == "2031-01-02T10:00:00.000Z"
    assert {event["receivedAt"] for event in judged.events} == {RECEIVED}
    assert judged.answer.notes == {"timestamp_ahead": 1}


def test_browser_metadata_that_is_no_object_is_dropped(pipeline, build):
    judged = pipeline.judge(build.request([track(_metadata="x"), track(_metadata={"bundled": []})]))
    assert [row.metadata for row in judged.rows] == [b"", b'{"bundled":[]}']


def test_what_the_server_decides_cannot_be_forged(pipeline):
    event = pipeline.one(
        track(receivedAt="1999-01-01T00:00:00Z", projectId="x", version="1.1", channel="mine", writeKey="wk")
    )
    assert (event["receivedAt"], event["projectId"], event["version"]) == (RECEIVED, "src_A1", 2)
    assert event["channel"] == "server"
    assert "writeKey" not in event


@pytest.mark.parametrize(
    ("platform", "context", "channel", "ip"),
    [
        ("server", None, "server", None),
        ("", {"library": {"name": "analytics-python"}}, "server", None),
        ("website", None, "client", "203.0.113.9"),
        ("mobile", {}, "client", "203.0.113.9"),
        ("server", {"direct": True}, "client", "203.0.113.9"),
        ("server", {"direct": "true"}, "server", None),
        ("", {"library": {"name": "analytics.js"}}, "client", "203.0.113.9"),
        ("", {"library": "analytics.js"}, "server", None),
        ("", {"library": {"name": ["analytics.js"]}}, "server", None),
        ("website", {"ip": "0.0.0.0"}, "client", "0.0.0.0"),
        ("website", {"ip": None}, "client", "203.0.113.9"),
        ("website", {"ip": ""}, "client", ""),
    ],
)
def test_the_address_is_filled_in_for_client_side_events_alone(pipeline, build, platform, context, channel, ip):
    pipeline.snapshots = build.snapshots(build.source(platform=platform))
    event = pipeline.one(track(**({} if context is None else {"context": context})), peer="203.0.113.9")
    assert (event["channel"], event["context"].get("ip")) == (channel, ip)


@pytest.mark.parametrize("library", [None, {"name": "analytics-python"}])
def test_a_pixel_was_sent_by_a_client_whatever_its_source_is(pipeline, build, library):
    pipeline.snapshots = build.snapshots(build.source(platform="server"))
    event = pipeline.one(track(context={"library": library}), peer="203.0.113.9", is_client=True)
    assert (event["channel"], event["context"]["ip"]) == ("client", "203.0.113.9")
    anonymised = pipeline.one(track(context={"ip": "0.0.0.0"}), peer="203.0.113.9", is_client=True)
    assert (anonymised["channel"], anonymised["context"]["ip"]) == ("client", "0.0.0.0")


@pytest.mark.parametrize(
    ("peer", "ip"),
    [("::ffff:203.0.113.9", "203.0.113.9"), ("2001:db8::1", None), ("", None), ("unix:", None), ('1.2.3.4"', None)],
)
def test_the_address_is_ipv4_or_nothing(pipeline, build, peer, ip):
    pipeline.snapshots = build.snapshots(build.source(platform="website"))
    assert pipeline.one(track(), peer=peer)["context"].get("ip") == ip


def test_context_channel_is_passed_through(pipeline):
    assert pipeline.one(track(context={"channel": "browser"}))["context"]["channel"] == "browser"


def test_null_counts_as_absent_in_every_field(pipeline):
    nulls = dict.fromkeys(("anonymousId", "properties", "traits", "context", "integrations", "name", "timestamp"))
    event = pipeline.one(track(**nulls, messageId="m", _metadata=None))
    assert (event["context"], event["integrations"]) == ({}, {})
    assert not {"anonymousId", "properties", "traits", "name", "_metadata"} & event.keys()


def test_members_beyond_the_limit_are_dropped(pipeline):
    event = pipeline.one(track(properties={f"p{number}": number for number in range(10_050)}))
    assert list(event["properties"]) == [f"p{number}" for number in range(10_000)]
