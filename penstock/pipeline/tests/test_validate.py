import pytest

GOOD = {
    "track": {"event": "E"},
    "identify": {"traits": {}},
    "page": {},
    "screen": {"name": "Home", "category": None},
    "group": {"groupId": "g1"},
    "alias": {"previousId": "a1"},
}


def event(kind, **fields):
    return {"type": kind, "userId": "u1"} | GOOD[kind] | fields


@pytest.mark.parametrize("kind", GOOD)
def test_each_type_passes_with_what_it_needs(pipeline, kind):
    assert pipeline.one(event(kind))["type"] == kind


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ({"userId": None}, "no_user_anon_id"),
        ({"userId": None, "anonymousId": None}, "no_user_anon_id"),
        ({"userId": 0}, "id_not_string"),
        ({"userId": 7, "anonymousId": "a"}, "id_not_string"),
        ({"userId": ""}, "id_not_string"),
        ({"userId": "", "anonymousId": "a"}, "id_not_string"),
        ({"userId": False}, "id_not_string"),
        ({"userId": "u", "anonymousId": 0}, "id_not_string"),
        ({"userId": "u", "anonymousId": ""}, "id_not_string"),
        ({"userId": ["u"]}, "id_not_string"),
    ],
)
def test_ids_that_are_absent_or_wrong(pipeline, kind, ids, reason):
    assert pipeline.one(event(kind, **ids)) == reason


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("track", {"event": None}, "event_not_defined"),
        ("track", {"event": ""}, "event_not_defined"),
        ("track", {"event": 7}, "event_not_string"),
        ("track", {"event": 0}, "event_not_string"),
        ("track", {"event": {"name": "X"}}, "event_not_string"),
        ("track", {"properties": []}, "properties_not_object"),
        ("track", {"properties": "n=3"}, "properties_not_object"),
        ("track", {"traits": 1}, "traits_not_object"),
        ("identify", {"traits": "x"}, "traits_not_object"),
        ("group", {"traits": False}, "traits_not_object"),
        ("page", {"name": ""}, "name_not_string"),
        ("page", {"name": 0}, "name_not_string"),
        ("screen", {"category": ""}, "category_not_string"),
        ("screen", {"category": []}, "category_not_string"),
        ("group", {"groupId": None}, "group_id_required"),
        ("group", {"groupId": ""}, "group_id_required"),
        ("group", {"groupId": True}, "group_id_required"),
        ("alias", {"previousId": None}, "alias_id_required"),
        ("alias", {"userId": None, "anonymousId": "a"}, "alias_id_required"),
        ("track", {"type": "purchase"}, "unknown_type"),
        ("track", {"type": None}, "unknown_type"),
        ("track", {"type": 5}, "unknown_type"),
        ("track", {"type": ["track"]}, "unknown_type"),
        ("track", {"type": "Track"}, "unknown_type"),
    ],
)
def test_each_lack_has_its_code(pipeline, kind, fields, reason):
    assert pipeline.one(event(kind, **fields)) == reason


@pytest.mark.parametrize("number", [0, 42])
def test_group_and_previous_ids_sent_as_numbers_become_their_digits(pipeline, number):
    assert pipeline.one(event("group", groupId=number))["groupId"] == str(number)
    assert pipeline.one(event("alias", previousId=number))["previousId"] == str(number)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (None, "consent_categorypreferences_should_exist"),
        ({"consent": {}}, "consent_categorypreferences_should_exist"),
        ({"consent": []}, "consent_categorypreferences_should_exist"),
        ({"consent": {"categoryPreferences": "x"}}, "consent_categorypreferences_fields_should_be_object"),
        ({"consent": {"categoryPreferences": {"a": 1}}}, "consent_categorypreferences_fields_should_be_bool"),
        (
            {"consent": {"categoryPreferences": {"a": True}}, "device": {"advertisingId": 5}},
            "device_advertisingid_should_be_string",
        ),
        ({"consent": {"categoryPreferences": {"a": True}, "version": "2"}}, "consent_version_should_be_number"),
    ],
)
def test_a_consent_event_is_checked(pipeline, context, reason):
    consent = event("track", event="Segment Consent Preference Updated", context=context)
    assert pipeline.one(consent) == reason
    assert pipeline.one(consent | {"event": "Another"})["event"] == "Another"


def test_a_complete_consent_event_passes(pipeline):
    context = {"consent": {"categoryPreferences": {"ads": False}, "version": 2}, "device": {"advertisingId": "x"}}
    sent = event("track", event="Segment Consent Preference Updated", context=context)
    assert pipeline.one(sent)["context"] == context


@pytest.mark.parametrize("data", [b"5", b"null", b"[]", b'"x"', b"", b"{", b"{'a':1}", b"\x00"])
def test_an_element_that_is_no_object_is_a_bad_request(pipeline, data):
    assert pipeline.one(data) == "bad_request"
