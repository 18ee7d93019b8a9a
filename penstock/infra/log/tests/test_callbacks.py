"""What core subscriptions deliver to may fail; that is seen, and disturbs nobody else."""

import asyncio

from structlog.testing import capture_logs


async def test_a_callback_that_fails_is_logged_and_called_again(log):
    calls: asyncio.Queue[bytes] = asyncio.Queue()

    async def deliver(message):
        await calls.put(message.data)
        raise ValueError("no")

    subscription = await log.subscribe_core("callbacks.a", deliver)
    with capture_logs() as lines:
        await log.publish_core("callbacks.a", b"1")
        await log.publish_core("callbacks.a", b"2")
        assert [await asyncio.wait_for(calls.get(), 2) for _ in range(2)] == [b"1", b"2"]
        await subscription.close()
    assert [line["log_level"] for line in lines].count("error") == 2


async def test_of_a_queue_one_is_asked_and_a_closed_subscription_never(log):
    heard = []

    async def first(message):
        heard.append(("first", message.data))

    async def second(message):
        heard.append(("second", message.data))

    one = await log.subscribe_core("callbacks.b", first, queue="q")
    two = await log.subscribe_core("callbacks.b", second, queue="q")
    await log.publish_core("callbacks.b", b"1")
    await one.close()
    await log.publish_core("callbacks.b", b"2")
    await two.close()
    await log.publish_core("callbacks.b", b"3")
    assert [data for _, data in heard] == [b"1", b"2"]
    assert heard[1][0] == "second"
