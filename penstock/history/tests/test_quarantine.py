import itertools
import json

import msgspec
import pytest

from penstock.history import Quarantine
from penstock.infra.log import StreamSpec
from penstock.spec import accepted, delivery, streams
from penstock.spec.delivery import QuarantineHead, QuarantineRow, encode_quarantine
from penstock.spec.laps import is_before_lap
from penstock.spec.quarantine import EndHeld, FindAnonymous, FindHeld, FoundAnonymous, QuarantineFilter
from penstock.spec.snapshot import DestinationSnapshot, SourceSnapshot, SubscriptionSnapshot

SOURCE = SourceSnapshot("s1", "ws1", 1, "shop", "Shop", True, ["wk"], 0, "shop")
MAPPING = SubscriptionSnapshot("x", "Send", "send", "", b"{}", enabled=True)
DESTINATION = DestinationSnapshot("d1", "ws1", 1, "s1", "m", "Webhook", [], [], True, 0, 0, b"", [MAPPING])
_shards = itertools.count()
RECEIVED = "2030-01-02T10:00:01.250Z"


LONG = "n" * delivery.NAME_LIMIT
REQUESTED = {"url": "http://x/fn?b=k", "headers": [], "body": '{"who":"u2"}', "isForm": False}
"""What a request to a source function holds beside its id and time."""


def event(message_id):
    """The name of one in a long name goes on with its id where the row's ends. Behind `@` stands an anonymous id."""
    if message_id.startswith("request"):
        return json.dumps({"messageId": message_id, "receivedAt": RECEIVED} | REQUESTED).encode()
    name = LONG + message_id if message_id.startswith("long") else "E"
    channel = "client" if message_id.startswith("pixel") else "server"
    told = {"type": "track", "messageId": message_id, "event": name, "receivedAt": RECEIVED, "channel": channel}
    visitor = {"anonymousId": message_id.partition("@")[2]} if "@" in message_id else {}
    return json.dumps(told | visitor).encode()


def row(message_id, **changes):
    values = {
        "offset": 0,
        "length": 0,
        "subscription_id": "",
        "event_type": 0,
        "event_name": "E",
        "message_id": message_id,
        "user_id": "u1",
        "outcome": "FILTERED_AT_SOURCE",
        "reason": "unplanned",
    }
    return QuarantineRow(**(values | changes))


@pytest.fixture
async def held(log):
    """A shard of one test's own, and what delivery was given again."""
    shard = next(_shards)
    wanted = streams.streams(shard + 1)
    for name in (streams.accepted(shard), streams.delivery(shard)):
        await log.ensure_stream(StreamSpec(name, wanted[name]))
    return Held(log, shard)


class Held:
    def __init__(self, log, shard):
        self.log, self.shard, self.again = log, shard, []
        self.sources, self.destinations = {"s1": SOURCE}, {"d1": DESTINATION}
        self.quarantine = Quarantine(log, shard, self, self._again)

    async def _again(self, rows):
        self.again += rows

    async def put(self, *rows, destination="", workspace="ws1", at=1_000):
        """One frame."""
        placed, pieces, offset = [], [], 0
        for each in rows:
            piece = event(each.message_id)
            values = {name: getattr(each, name) for name in each.__struct_fields__}
            placed.append(QuarantineRow(**(values | {"offset": offset, "length": len(piece)})))
            pieces.append(piece)
            offset += len(piece)
        head = QuarantineHead(workspace, "s1", destination, at, placed)
        subject = delivery.quarantine_subject(self.shard, destination or "s1")
        await self.log.append(subject, encode_quarantine(head, pieces))

    async def find(self, limit=100, after="", *, whole=False, **wanted):
        return await self.quarantine.find(FindHeld(QuarantineFilter("ws1", **wanted), limit, after, whole))

    async def ids(self, **wanted):
        return [each.message_id for each in (await self.find(**wanted)).events]

    async def end(self, action, limit=100, **wanted):
        return await self.quarantine.end(EndHeld(QuarantineFilter("ws1", **wanted), action, limit))

    async def judged_again(self):
        """(lap, received at, write key, message id) of what stands in ACCEPTED."""
        found = []
        for message in await self.log.get_batch(streams.accepted(self.shard), 1):
            head, body = accepted.decoder.frame(message.payload)
            for each in head.rows:
                request = head.requests[each.request]
                assert bytes(body[each.offset : each.offset + each.length]) == event(each.message_id)
                found.append((head.lap, request.received_at, request.write_key, each.message_id))
        return found


class TestFind:
    async def test_what_is_held_is_told_the_oldest_first(self, held):
        await held.put(row("a"), row("b", reason="schema_violation"))
        await held.put(row("c", subscription_id="x", attempts=3, response=b"no"), destination="d1", at=2_000)
        first, _, third = (await held.find()).events
        assert (first.message_id, first.source_id, first.destination_id, first.held_at) == ("a", "s1", "", 1_000)
        assert (third.destination_id, third.subscription_id, third.attempts) == ("d1", "x", 3)
        assert third.response == "no"

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"reason": "schema_violation"}, ["b"]),
            ({"destination_id": "d1"}, ["c"]),
            ({"source_id": "s1"}, ["a", "b", "c"]),
            ({"source_id": "s2"}, []),
            ({"event": "Other"}, ["b"]),
            ({"user": "u2"}, ["b"]),
            ({"message_id": "c"}, ["c"]),
            ({"since": 2_000}, ["c"]),
            ({"until": 2_000}, ["a", "b"]),
            ({"reason": "unplanned", "until": 2_000}, ["a"]),
        ],
    )
    async def test_by_what_it_is(self, held, wanted, found):
        await held.put(row("a"), row("b", reason="schema_violation", event_name="Other", user_id="u2"))
        await held.put(row("c"), destination="d1", at=2_000)
        assert await held.ids(**wanted) == found

    async def test_long_names_are_told_apart_by_all_of_them(self, held):
        await held.put(row("long-a", event_name=LONG), row("long-b", event_name=LONG))
        assert [await held.ids(event=LONG + name) for name in ("long-a", "long-b", "")] == [["long-a"], ["long-b"], []]

    async def test_a_request_to_a_function_is_of_all_whom_it_names(self, held):
        await held.put(row("a"), row("request-1", user_id=""), row("nobody", user_id=""), row("b", user_id="u2"))
        assert await held.ids(users=frozenset({"u2", "u3"})) == ["request-1", "b"]
        assert await held.ids(users=frozenset({"u"})) == []
        assert (await held.end("drop", users=frozenset({"u2"}))).count == 2
        assert await held.ids() == ["a", "nobody"]

    async def test_of_an_anonymous_id_are_the_events_of_its_source(self, held):
        await held.put(row("a@v-1"), row("b@v-1", user_id=""), row("c@v-2", user_id=""), row("request-1", user_id=""))
        assert await held.ids(anonymous=frozenset({("s1", "v-1")})) == ["a@v-1", "b@v-1"]
        assert await held.ids(anonymous=frozenset({("s2", "v-1")})) == []
        wanted = {"users": frozenset({"u2"}), "anonymous": frozenset({("s1", "v-2")})}
        assert await held.ids(**wanted) == ["c@v-2", "request-1"]

    async def test_anonymous_ids_are_told_beside_the_users_who_have_them(self, held):
        await held.put(row("a@v-1"), row("b@v-1", user_id="u2"), row("c@v-2", user_id=""), row("d", user_id="u1"))
        await held.put(row("e@v-3"), row("f@v-4", user_id="u3"), destination="d1")
        await held.put(row("g@v-5"), workspace="ws2")
        asked = FindAnonymous("ws1", "", frozenset({"u1"}))
        mine = frozenset({("s1", "v-1"), ("s1", "v-3")})
        assert await held.quarantine.anonymous(asked) == FoundAnonymous(mine)
        asked = FindAnonymous("ws1", "", frozenset({"u1"}), mine)
        assert await held.quarantine.anonymous(asked) == FoundAnonymous(frozenset({("s1", "v-1")}))
        assert await held.quarantine.anonymous(FindAnonymous("ws1", "s2", frozenset({"u1"}))) == FoundAnonymous()

    async def test_of_an_object_are_the_requests_that_name_it_and_no_events(self, held):
        await held.put(row("request-1", user_id=""), row("nobody", user_id=""), row("b", user_id="u2"))
        assert await held.ids(objects=frozenset({"u2"})) == ["request-1"]

    async def test_page_by_page(self, held):
        for number in range(3):
            await held.put(row(f"{number}a"), row(f"{number}b"))
        found, after = [], ""
        while True:
            page = await held.find(limit=2, after=after)
            found += [each.message_id for each in page.events]
            after = page.next
            if not after:
                break
        assert found == ["0a", "0b", "1a", "1b", "2a", "2b"]

    async def test_one_by_its_id_with_its_event(self, held):
        await held.put(row("a"), row("b"))
        _, second = (await held.find()).events
        (found,) = (await held.find(ids=[second.id], whole=True)).events
        assert (found.message_id, found.event) == ("b", event("b"))
        assert await held.ids(ids=["nonsense", "-", f"{held.shard + 1}-1-0"]) == []

    async def test_nothing_of_another_workspace(self, held):
        await held.put(row("a"), workspace="ws2")
        assert await held.ids() == []


class TestDrop:
    async def test_what_is_meant_leaves_and_the_rest_of_its_frame_stays(self, held):
        await held.put(row("a"), row("b"), row("c"))
        ended = await held.end("drop", message_id="b")
        assert (ended.count, ended.has_more) == (1, False)
        assert await held.ids() == ["a", "c"]
        for found in (await held.find(whole=True)).events:
            assert found.event == event(found.message_id)
            assert found.held_at == 1_000

    async def test_no_more_than_the_limit_at_once(self, held):
        for number in range(3):
            await held.put(row(f"{number}a"), row(f"{number}b"))
        assert (await held.end("drop", limit=3)).has_more
        assert await held.ids() == ["2a", "2b", "1b"]
        assert (await held.end("drop", limit=3)).count == 3
        assert await held.ids() == []

    async def test_what_was_dropped_is_erased_from_the_log(self, held):
        await held.put(row("a"))
        await held.end("drop")
        assert (await held.log.state(streams.delivery(held.shard))).messages == 0


class TestReplay:
    async def test_a_blocked_event_is_judged_again_as_it_came_with_its_own_time(self, held):
        await held.put(row("a"), row("b"))
        assert (await held.end("replay")).count == 2
        first, second = await held.judged_again()
        assert first == (first[0], 1_893_578_401_250, "wk", "a")
        assert second[3] == "b"
        assert await held.ids() == []

    async def test_what_a_client_sent_is_judged_as_that_again(self, held):
        await held.put(row("a"), row("pixel"), row("b"))
        assert (await held.end("replay")).count == 3
        (message,) = await held.log.get_batch(streams.accepted(held.shard), 1)
        head = accepted.decoder.head(message.payload)
        sent = {each.message_id: head.requests[each.request].is_client for each in head.rows}
        assert sent == {"a": False, "pixel": True, "b": False}

    async def test_its_lap_follows_from_where_it_stood(self, held):
        await held.put(row("a"), row("b"))
        await held.end("replay", message_id="a")
        await held.end("replay", message_id="b")
        (first, *_), (second, *_) = await held.judged_again()
        assert first.startswith("replay-") and first != second

    async def test_what_no_function_has_had_comes_on_a_lap_that_says_so(self, held):
        await held.put(row("a"), row("b", is_before_lap=True))
        await held.end("replay")
        laps = {message_id: is_before_lap(lap) for lap, *_, message_id in await held.judged_again()}
        assert laps == {"a": False, "b": True}

    async def test_what_was_not_removed_before_a_kill_has_the_same_lap_again(self, held, monkeypatch):
        await held.put(row("a"))

        async def killed(*_):
            raise ConnectionError

        with monkeypatch.context() as broken:
            broken.setattr(held.quarantine, "_remove", killed)
            with pytest.raises(ConnectionError):
                await held.end("replay")
        await held.end("replay")
        (first, *_), (second, *_) = await held.judged_again()
        assert first == second

    async def test_a_failed_delivery_is_tried_again_from_the_beginning(self, held):
        await held.put(row("a", subscription_id="x", attempts=9, first_attempt_at=5), destination="d1")
        assert (await held.end("replay")).count == 1
        ((ref, tried, body),) = held.again
        assert (ref.destination_id, ref.subscription_id, ref.source_id) == ("d1", "x", "s1")
        assert (tried.attempt, tried.first_attempt_at, body) == (0, 0, event("a"))
        assert await held.ids() == []

    @pytest.mark.parametrize(
        "sources",
        [
            {},
            {"s1": msgspec.structs.replace(SOURCE, enabled=False)},
            {"s1": msgspec.structs.replace(SOURCE, is_workspace_locked=True)},
            {"s1": msgspec.structs.replace(SOURCE, write_keys=[])},
        ],
    )
    async def test_what_has_no_source_that_takes_events_stays(self, held, sources):
        held.sources = sources
        await held.put(row("a"))
        ended = await held.end("replay")
        assert (ended.count, ended.kept) == (0, 1)
        assert await held.ids() == ["a"]

    @pytest.mark.parametrize(
        "destinations",
        [
            {},
            {"d1": msgspec.structs.replace(DESTINATION, enabled=False)},
            {"d1": msgspec.structs.replace(DESTINATION, subscriptions=[])},
            {
                "d1": msgspec.structs.replace(
                    DESTINATION, subscriptions=[msgspec.structs.replace(MAPPING, enabled=False)]
                )
            },
        ],
    )
    async def test_what_failed_and_would_go_nowhere_stays(self, held, destinations):
        held.destinations = destinations
        await held.put(row("a", subscription_id="x"), destination="d1")
        ended = await held.end("replay")
        assert (ended.count, ended.kept, held.again) == (0, 1, [])
        assert await held.ids() == ["a"]

    async def test_a_function_that_is_switched_on_takes_what_failed(self, held):
        held.destinations = {"d1": msgspec.structs.replace(DESTINATION, subscriptions=[], function_id="f1")}
        await held.put(row("a", subscription_id="f1"), destination="d1")
        assert (await held.end("replay")).count == 1


async def test_erasing_what_is_gone_is_no_error(held):
    await held.put(row("a"))
    await held.log.erase(streams.delivery(held.shard), 1)
    await held.log.erase(streams.delivery(held.shard), 1)
