"""An instance that finds its disk full waits for room, and its log engine then uses the room that there is."""

import threading

from penstock.testing.instance import Instance, wait_until
from tests.disk.filling import (
    MEGABYTES,
    SETTINGS,
    Sender,
    assert_everything_acknowledged_is_there_once,
    stored_at_most,
)
from tests.disk.small_disk import small_disk

WAITS = "The start waits for room on disk."


def test_an_instance_that_starts_on_a_full_disk_waits_for_room_and_then_uses_it(tmp_path, report):
    with small_disk(tmp_path / "disk", MEGABYTES) as disk:
        disk.leave(24)
        instance = Instance(disk.folder / "data", SETTINGS)
        limits = []

        log = disk.folder / "data.log"

        def make_room():
            wait_until(lambda: log.exists() and WAITS in instance.log(), 60, "a start that waits")
            limits.append(stored_at_most(instance))
            disk.make_room()

        making_room = threading.Thread(target=make_room, daemon=True)
        making_room.start()
        with instance:
            making_room.join()
            assert limits[0] <= 24 << 20
            sender = Sender(instance, 20_000)
            sender.start()
            wait_until(lambda: stored_at_most(instance) > 300 << 20, 60, "a higher limit")
            wait_until(lambda: len(sender.acknowledged) * 20_000 > limits[0], 90, "more than the low disk had room for")
            assert "it may store less than there is room for" in instance.log()
            assert_everything_acknowledged_is_there_once(instance, sender, report, "start on a full disk")
