import tracemalloc

from penstock.pipeline.judging.people import People, hashing, unsalted


def event(**changes):
    return {"type": "track", "event": "E", "messageId": "m1"} | changes


def sizes(people):
    return {(one.source, len(one.users) // 8, len(one.anonymous) // 8, len(one.tied) // 8) for one in people}


def test_each_is_told_once_by_source_and_by_whether_it_came_with_a_user_id():
    people = People(unsalted)
    for _ in range(3):
        people.add(0, "u1", None)
        people.add(0, "u1", "a1")
        people.add(0, None, "a1")
        people.add(1, "", "a2")
    assert sizes(people.counted()) == {(0, 1, 1, 1), (1, 0, 1, 0)}


def test_a_hash_depends_on_the_salt_and_any_text_has_one():
    assert hashing(b"one")("u1") == hashing(b"one")("u1") != hashing(b"two")("u1")
    assert len(unsalted("\ud800 ü")) == 8


def test_the_hashes_that_are_remembered_are_bounded_and_stay_the_same():
    hashed = hashing(b"salt")
    first = hashed("0")
    for number in range(60_000):
        hashed(str(number))
    assert hashed("0") == first


def test_hashes_of_long_ids_are_not_remembered():
    hashed = hashing(b"salt")
    long = "u" * 10_000
    first = hashed(long)
    tracemalloc.start()
    try:
        for number in range(1_000):
            hashed(f"{number}{long}")
        assert tracemalloc.get_traced_memory()[0] < 1_000_000, "ten million characters were hashed"
    finally:
        tracemalloc.stop()
    assert hashed(long) == first


def test_people_stand_in_the_head_of_what_is_routed_and_not_of_what_was_refused(pipeline, build):
    events = [event(userId="u1", messageId="m1"), event(userId="u2", messageId="m2", type="nothing")]
    (people,) = pipeline.judge(build.request(events)).head.people
    assert (people.users, people.anonymous, people.tied) == (unsalted("u1"), b"", b"")


def test_who_comes_again_on_another_lap_is_not_counted(pipeline, build):
    assert pipeline.judge(build.request([event(userId="u1")]), lap="again").head.people == []


def test_the_version_of_the_app_is_counted_with_its_events(pipeline, build):
    def contexts(*versions):
        return [
            event(userId="u1", messageId=f"{number}{version}", context={"app": {"version": version}})
            for number, version in enumerate(versions)
        ]

    judged = pipeline.judge(build.request(contexts("1.0", "1.0", "2.0", 5, None)))
    assert sorted((one.app_version, one.count) for one in judged.head.outcomes) == [("", 2), ("1.0", 2), ("2.0", 1)]
    many = pipeline.judge(build.request(contexts(*(f"v{number}" for number in range(30)))))
    assert {one.app_version: one.count for one in many.head.outcomes}["other"] == 10


def test_a_batchs_context_tells_the_version_too(pipeline, build):
    judged = pipeline.judge(build.request([event(userId="u1")], context=b'{"app":{"version":"3"}}'))
    assert [one.app_version for one in judged.head.outcomes] == ["3"]
