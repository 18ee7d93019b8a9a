"""Runners as processes: started when needed, replaced, lost, and gone with their parent."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from penstock.infra.http import OutboundPolicy
from penstock.js import BundleMissing, Operation, PoolSettings, RequestTooLarge, RunnerLost, RunnerPool, RunnerRequest
from penstock.testing.receiver import Reply

PING = RunnerRequest(operation=Operation.PING)


async def until(claim, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.01)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class TestStart:
    async def test_nothing_runs_before_the_first_call(self, pool):
        assert pool.runners == ()
        assert (await pool.call(PING)).ok
        assert len(pool.runners) == 1

    async def test_calls_that_come_together_share_one_start(self, pool):
        await asyncio.gather(*(pool.call(PING) for _ in range(10)))
        assert len(pool.runners) == 1
        assert pool.runners[0].calls == 10

    async def test_a_missing_bundle_is_named(self, tmp_path):
        async with RunnerPool(OutboundPolicy(), bundle=tmp_path / "runner.js") as pool:
            with pytest.raises(BundleMissing, match=r"penstock\.js\.build"):
                await pool.call(PING)

    async def test_a_host_that_cannot_start_is_told_with_its_last_words(self, tmp_path):
        (tmp_path / "runner.js").write_text("throw new Error('no luck today')")
        settings = PoolSettings(backoff_seconds=0.01, backoff_limit=0.01)
        async with RunnerPool(OutboundPolicy(), settings, tmp_path / "runner.js") as pool:
            with pytest.raises(RunnerLost, match="no luck today"):
                await pool.call(PING)

    async def test_a_second_runner_comes_with_load(self, bundle, receiver, webhook_request):
        receiver.answer = lambda _: Reply(delay=0.2)
        async with RunnerPool(OutboundPolicy(), PoolSettings(runners=2), bundle) as pool:
            work = [asyncio.create_task(pool.call(webhook_request(receiver.url))) for _ in range(60)]
            await until(lambda: len(pool.runners) == 2)
            more = [asyncio.create_task(pool.call(webhook_request(receiver.url))) for _ in range(60)]
            assert all(answer.ok for answer in await asyncio.gather(*work, *more))
            assert len(pool.runners) == 2


class TestEnd:
    async def test_a_runner_killed_under_a_call_loses_it_and_is_started_again(self, pool, receiver, webhook_request):
        receiver.answer = lambda _: Reply(status=0)
        work = asyncio.create_task(pool.call(webhook_request(receiver.url)))
        await until(lambda: receiver.requests)
        first = pool.runners[0].pid
        os.kill(first, signal.SIGKILL)
        with pytest.raises(RunnerLost):
            await work
        assert (await pool.call(PING)).ok
        assert pool.runners[0].pid != first

    async def test_a_runner_is_replaced_after_its_calls_and_drained_first(self, bundle, receiver, webhook_request):
        async with RunnerPool(OutboundPolicy(), PoolSettings(runners=1, calls=5), bundle) as pool:
            release = threading.Event()
            receiver.answer = lambda _: Reply(200 if release.wait(60) else 500)
            slow = asyncio.create_task(pool.call(webhook_request(receiver.url)))
            await until(lambda: receiver.requests)
            first = pool.runners[0].pid
            for _ in range(4):
                await pool.call(PING)
            await pool.call(PING)
            assert pool.runners[0].pid != first
            assert is_alive(first)
            release.set()
            assert (await slow).ok
            await until(lambda: not is_alive(first))

    async def test_a_runner_is_replaced_when_it_grows(self, bundle):
        async with RunnerPool(OutboundPolicy(), PoolSettings(runners=1, megabytes=1), bundle) as pool:
            await pool.call(PING)
            await until(lambda: pool.runners and pool.runners[0].calls == 0)

    async def test_a_runner_that_is_stuck_is_ended_also_when_nobody_waits_any_more(self, tmp_path, monkeypatch):
        monkeypatch.setattr("penstock.js.runner._LATE_SECONDS", 0.1)
        (tmp_path / "runner.js").write_text("""
            Deno.stdout.writeSync(new TextEncoder().encode('{"id":0,"ok":true,"rss":1}\\n'));
            for await (const _ of Deno.stdin.readable) while (true);
        """)
        async with RunnerPool(OutboundPolicy(), PoolSettings(), tmp_path / "runner.js") as pool:
            await pool._start()
            (stuck,) = pool.runners
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await pool.call(RunnerRequest(operation=Operation.PING, timeout_ms=1_000))
            assert stuck.in_flight == 1
            await until(lambda: not is_alive(stuck.pid))
            await until(lambda: pool.runners == () and stuck.in_flight == 0)

    async def test_a_closed_pool_leaves_no_process(self, bundle):
        pool = RunnerPool(OutboundPolicy(), PoolSettings(), bundle)
        await pool.call(PING)
        pid = pool.runners[0].pid
        await pool.close()
        assert not is_alive(pid)
        with pytest.raises(RunnerLost):
            await pool.call(PING)

    def test_a_runner_dies_with_its_parent(self, bundle):
        program = textwrap.dedent("""
            import asyncio, os, signal
            from penstock.infra.http import OutboundPolicy
            from penstock.js import Operation, RunnerPool, RunnerRequest

            async def main():
                pool = RunnerPool(OutboundPolicy())
                await pool.call(RunnerRequest(operation=Operation.PING))
                print("pid", pool.runners[0].pid, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

            asyncio.run(main())
        """)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        pid = int(done.stdout.rsplit("pid ", 1)[1])
        asyncio.run(until(lambda: not is_alive(pid)))


class TestLine:
    async def test_a_request_above_the_limit_is_refused_before_it_is_sent(self, pool):
        request = RunnerRequest(operation=Operation.BATCH, events=[b'"' + b"x" * (8 << 20) + b'"'])
        with pytest.raises(RequestTooLarge):
            await pool.call(request)
        assert (await pool.call(PING)).ok

    async def test_a_request_that_is_no_json_is_answered_as_an_error(self, pool, webhook_request):
        answer = await pool.call(webhook_request("http://127.0.0.1:9/", settings=b'{"a":'))
        assert (answer.ok, answer.error.code) == (False, "BAD_REQUEST_LINE")

    async def test_a_large_batch_fits(self, pool, receiver, webhook_request):
        events = [{"type": "track", "event": "x", "properties": {"text": "y" * 4000}}] * 900
        request = webhook_request(
            receiver.url, events=events, operation=Operation.BATCH, mapping={"enable_batching": True}
        )
        assert (await pool.call(request)).ok

    async def test_a_line_that_is_not_of_the_protocol_ends_the_runner(self, tmp_path):
        (tmp_path / "runner.js").write_text("""
            const write = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
            write('{"id":0,"ok":true,"rss":1}');
            for await (const _ of Deno.stdin.readable) write("hello there");
        """)
        async with RunnerPool(OutboundPolicy(), PoolSettings(), tmp_path / "runner.js") as pool:
            with pytest.raises(RunnerLost):
                await pool.call(PING)
            assert pool.runners == ()


class TestPolicyInside:
    async def test_the_host_judges_as_python_does(self, bundle):
        import ipaddress
        import random

        from penstock.infra.http.policy import DENIED

        policy = OutboundPolicy.checked(["10.1.0.0/16", "fd00:1::/32"], "192.0.2.1", [8280])
        chosen = random.Random(7)
        asked = [
            (address, port)
            for address in ("10.1.0.5", "fd00:1::9", "8.8.8.8", "x", "::ffff:10.0.0.1")
            for port in (80, 8280)
        ]
        for cidr in DENIED:
            network = ipaddress.ip_network(cidr)
            ends = [network.network_address, network.broadcast_address]
            for end in [*ends, *(number for number in (int(ends[0]) - 1, int(ends[1]) + 1) if number >= 0)]:
                try:
                    asked.append((str(type(ends[0])(int(end))), 80))
                except ipaddress.AddressValueError:
                    continue
        asked += [(str(ipaddress.IPv6Address(chosen.getrandbits(128))), 443) for _ in range(300)]
        asked += [(f"::ffff:{ipaddress.IPv4Address(chosen.getrandbits(32))}", 443) for _ in range(300)]
        asked += [(str(ipaddress.IPv6Address((0x2002 << 112) | chosen.getrandbits(112))), 443) for _ in range(300)]
        async with RunnerPool(policy, PoolSettings(runners=1), bundle) as pool:
            events = [b'["%b",%d]' % (address.encode(), port) for address, port in asked]
            answer = await pool.call(RunnerRequest(operation=Operation.JUDGE, events=events))
        for (address, port), result in zip(asked, answer.results, strict=True):
            refusal = policy.judge(address, port)
            assert result.output == ("" if refusal is None else refusal.reason), address
