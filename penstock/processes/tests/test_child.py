import asyncio
import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from penstock.processes.child import REFUSED_STATUS, Child


def starter(code, fail_first=0):
    attempts = []

    async def start():
        attempts.append(1)
        if len(attempts) <= fail_first:
            raise OSError("no such program")
        return await asyncio.create_subprocess_exec(sys.executable, "-c", code, start_new_session=True)

    return start, attempts


async def wait_for(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class TestChild:
    async def test_one_that_refuses_its_settings_says_so_until_it_starts_with_others(self):
        start, attempts = starter(f"raise SystemExit({REFUSED_STATUS})")
        child = Child("x", start, lambda: None)
        assert not child.is_refusing
        await child.start()
        await wait_for(lambda: child.is_refusing and len(attempts) > 1)
        await child.stop(5)

    async def test_a_killed_child_is_started_again(self):
        start, attempts = starter("import time; time.sleep(60)")
        changes = []
        child = Child("x", start, lambda: changes.append(1))
        await child.start()
        first = child.pid
        os.kill(first, signal.SIGKILL)
        await wait_for(lambda: child.pid not in (None, first))
        assert (len(attempts), len(changes), child.restarts) == (2, 2, 1)
        await child.stop(1)
        assert child.pid is None

    async def test_a_start_that_fails_is_tried_again(self):
        start, _ = starter("import time; time.sleep(60)")
        child = Child("x", start, lambda: None)
        await child.start()
        first = child.pid
        failing, attempts = starter("import time; time.sleep(60)", fail_first=1)
        child._start = failing
        os.kill(first, signal.SIGKILL)
        await wait_for(lambda: child.pid not in (None, first))
        assert len(attempts) == 2
        await child.stop(1)

    async def test_a_start_that_cannot_be_recorded_is_not_made_twice(self):
        start, attempts = starter("import time; time.sleep(60)")
        records = []

        def record():
            records.append(1)
            if len(records) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")

        child = Child("x", start, record)
        await child.start()
        os.kill(child.pid, signal.SIGKILL)
        await wait_for(lambda: len(records) > 1)
        with pytest.raises(TimeoutError):
            await wait_for(lambda: len(attempts) > 2, 1.0)
        assert child.pid is not None
        await child.stop(1)

    async def test_a_child_that_ignores_the_stop_is_killed_at_the_deadline(self):
        code = "import signal,sys,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"

        async def start():
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
            await process.stdout.readline()
            return process

        child = Child("x", start, lambda: None)
        await child.start()
        async with asyncio.timeout(30):
            await child.stop(0.1)
        assert child.pid is None


@pytest.mark.parametrize("signal_number", [signal.SIGKILL])
async def test_a_child_dies_with_its_parent(signal_number):
    parent_code = (
        "import subprocess,sys,os,time\n"
        "environment={**os.environ,'PENSTOCK_PARENT_PID':str(os.getpid())}\n"
        "code='from penstock.kit.parent import die_with_parent; die_with_parent();"
        'print("up",flush=True); import time; time.sleep(60)\'\n'
        "child=subprocess.Popen([sys.executable,'-c',code],env=environment,stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid,flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", parent_code, stdout=asyncio.subprocess.PIPE)
    pid = int(await parent.stdout.readline())
    parent.send_signal(signal_number)
    await parent.wait()

    def has_ended():
        try:
            with Path(f"/proc/{pid}/stat").open() as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    await wait_for(has_ended, 60)
