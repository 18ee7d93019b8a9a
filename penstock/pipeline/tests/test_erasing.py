"""What is purged is unreadable in the files of a real log engine, and what stays is whole."""

from pathlib import Path

import pytest

from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.kit.clock import ManualClock
from penstock.kit.settings import Settings
from penstock.pipeline import erasing
from penstock.pipeline.erasing import Eraser
from penstock.pipeline.retention import Readers, RetentionLoop
from penstock.spec import accepted, delivery, facts, routed
from penstock.spec.facts import FactHead, encode_fact
from penstock.spec.routed import RoutedHead, encode_routed

ACCEPTED, ROUTED, DELIVERY = accepted.stream_name(0), routed.stream_name(0), delivery.stream_name(0)
PERSON, OTHER = b"somebody-who-is-gone", b"somebody-who-stays"


@pytest.fixture
async def log(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(log, 1)
    yield log
    await log.close()


def stored(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in (folder / "nats").rglob("*.blk"))


async def test_what_is_below_is_overwritten_and_what_is_above_stays(log, tmp_path):
    for _ in range(3):
        await log.append(accepted.subject(0, "w"), PERSON)
    await log.append(accepted.subject(0, "w"), OTHER)
    assert PERSON in stored(tmp_path)
    assert await Eraser(log).purge(ACCEPTED, 4) == 3
    assert [message.payload for message in await log.get_batch(ACCEPTED, 1)] == [OTHER]
    assert PERSON not in stored(tmp_path)
    assert await Eraser(log).purge(ACCEPTED, 4) == 0


async def test_one_subject_is_overwritten_among_the_others(log, tmp_path):
    for number in range(90):
        await log.append(delivery.quarantine_subject(0, "d1"), PERSON)
        if number % 30 == 0:
            await log.append(delivery.settled_subject(0), OTHER)
    last = (await log.state(DELIVERY)).last
    assert await Eraser(log).purge_subject(DELIVERY, delivery.quarantine_subject(0, ">"), last) == 89
    assert {message.payload for message in await log.get_batch(DELIVERY, 1, subject="delivery.0.settled")} == {OTHER}
    await Eraser(log).purge_subject(DELIVERY, delivery.quarantine_subject(0, ">"), last + 1)
    assert PERSON not in stored(tmp_path)


class TestRounds:
    """Each overwrites a few messages, and purges none of the block that stays as it is."""

    @pytest.fixture(autouse=True)
    def two_at_once(self, monkeypatch):
        monkeypatch.setattr(erasing, "AT_ONCE", 2)

    async def test_what_is_more_than_one_overwrites_waits_for_the_next(self, log, tmp_path):
        for _ in range(5):
            await log.append(accepted.subject(0, "w"), PERSON)
        await log.append(accepted.subject(0, "w"), OTHER)
        assert [await Eraser(log).purge(ACCEPTED, 6) for _ in range(4)] == [2, 2, 1, 0]
        assert PERSON not in stored(tmp_path)

    async def test_so_it_is_with_one_subject(self, log, tmp_path):
        for _ in range(5):
            await log.append(delivery.quarantine_subject(0, "d1"), PERSON)
        await log.append(delivery.settled_subject(0), OTHER)
        subject = delivery.quarantine_subject(0, ">")
        assert [await Eraser(log).purge_subject(DELIVERY, subject, 6) for _ in range(4)] == [2, 2, 1, 0]
        assert PERSON not in stored(tmp_path)

    @pytest.mark.parametrize("of_one_subject", [False, True])
    async def test_what_is_in_a_block_before_goes_at_once(self, log, monkeypatch, of_one_subject):
        """Small messages behind large ones: their number tells nothing of where the block begins."""
        for text in [b"x" * 400] * 6 + [b"x" * 20] * 20:
            await log.append(delivery.quarantine_subject(0, "d1"), text)
        monkeypatch.setattr(erasing, "BLOCK_BYTES", 600)
        subject = delivery.quarantine_subject(0, ">")
        eraser = Eraser(log)
        if of_one_subject:
            assert await eraser.purge_subject(DELIVERY, subject, 27) == 5 + 2
        else:
            assert 2 <= await eraser.purge(DELIVERY, 27) <= 5 + 2
        assert (await log.state(DELIVERY)).first <= 8

    async def test_in_haste_the_rest_is_purged_as_it_is(self, log, tmp_path):
        for _ in range(5):
            await log.append(accepted.subject(0, "w"), PERSON)
        await log.append(accepted.subject(0, "w"), OTHER)
        assert await Eraser(log).purge(ACCEPTED, 6, in_haste=True) == 5
        assert stored(tmp_path).count(PERSON) == 3


async def test_where_blocks_are_filled_soon_they_go_as_they_are(log, tmp_path, monkeypatch):
    monkeypatch.setattr(erasing, "BLOCK_BYTES", 200)
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    for _ in range(20):
        await log.append(accepted.subject(0, "w"), PERSON)
    assert await Eraser(log).purge(ACCEPTED, 11) == 10
    assert stored(tmp_path).count(PERSON) == 20


class TestTheLastPosition:
    """It is never purged: where it holds events, one that holds none has to come after it."""

    async def relieved(self, log, events, *, covers=1, read=1):
        """The loop's frames in ACCEPTED after two rounds, years later."""
        await log.append(accepted.subject(0, "w"), b"x")
        await log.append(routed.subject(0), encode_routed(RoutedHead("w", covers, 0, 1, 1, [], [], [], []), events))
        await log.append(facts.subject("pipeline", 0), encode_fact(FactHead("pipeline", 0, ROUTED, 0, 1)))
        (message,) = await log.get_batch(ROUTED, 1)

        async def positions():
            return {"delivery": read}

        clock = ManualClock(message.time_ms + 9_000 * 3_600_000)
        loop = RetentionLoop(Settings(), log, clock, 0, Readers(positions))
        for _ in range(2):
            await loop.round()
        return [accepted.decoder.head(each.payload) for each in await log.get_batch(ACCEPTED, 2)]

    async def test_an_empty_frame_is_given_to_the_pipeline_once(self, log):
        (head,) = await self.relieved(log, [PERSON])
        assert head.writer.startswith("retention-")
        assert (head.number, head.requests, head.rows) == (1, [], [])

    async def test_one_without_events_stays(self, log):
        assert await self.relieved(log, []) == []

    async def test_nothing_is_given_to_a_pipeline_that_is_behind(self, log):
        assert await self.relieved(log, [PERSON], covers=0) == []

    async def test_what_somebody_has_still_to_read_stays(self, log):
        assert await self.relieved(log, [PERSON], read=0) == []
