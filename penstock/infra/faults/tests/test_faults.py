import os
import subprocess
import sys
import time

CODE = (
    "from penstock.infra.faults import fault_point\n"
    "fault_point('a.b')\n"
    "print('passed', flush=True)\n"
    "import sys; sys.stdin.read()\n"
)


def start(directory):
    environment = {**os.environ, "PENSTOCK_FAULTS_DIR": str(directory)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CODE], env=environment, stdout=pipe, stdin=pipe)


def end(process):
    process.kill()
    process.communicate()


class TestFaultPoint:
    def test_nothing_happens_where_the_point_is_not_armed(self, tmp_path):
        process = start(tmp_path)
        assert process.stdout.readline() == b"passed\n"
        end(process)

    def test_an_armed_point_stops_one_process_which_reports_its_pid(self, tmp_path):
        (tmp_path / "a.b").write_text("stop")
        process = start(tmp_path)
        report = tmp_path / f"a.b.{process.pid}"
        deadline = time.monotonic() + 60
        while not report.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert process.poll() is None
        end(process)
        successor = start(tmp_path)
        assert successor.stdout.readline() == b"passed\n"
        end(successor)

    def test_a_delay_slows_every_pass(self, tmp_path):
        (tmp_path / "a.b").write_text("delay:50")
        for _ in range(2):
            process = start(tmp_path)
            assert process.stdout.readline() == b"passed\n"
            end(process)
        assert (tmp_path / "a.b").exists()

    def test_a_delay_in_a_coroutine_holds_up_its_task_alone(self, tmp_path):
        (tmp_path / "a.b").write_text("delay:400")
        code = (
            "import asyncio\n"
            "from penstock.infra.faults import fault_pause\n"
            "async def main():\n"
            "    pause = asyncio.create_task(fault_pause('a.b'))\n"
            "    await asyncio.sleep(0.05)\n"
            "    print(pause.done(), flush=True)\n"
            "    await pause\n"
            "asyncio.run(main())\n"
        )
        environment = {**os.environ, "PENSTOCK_FAULTS_DIR": str(tmp_path)}
        shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        assert shown.stdout == b"False\n"

    def test_a_hold_ends_when_its_file_is_gone(self, tmp_path):
        (tmp_path / "a.b").write_text("hold")
        code = (
            "import asyncio, os, sys\n"
            "from penstock.infra.faults import fault_pause\n"
            "async def main():\n"
            "    pause = asyncio.create_task(fault_pause('a.b'))\n"
            "    await asyncio.sleep(0.1)\n"
            "    print(pause.done(), flush=True)\n"
            "    os.unlink(sys.argv[1])\n"
            "    await pause\n"
            "asyncio.run(main())\n"
        )
        environment = {**os.environ, "PENSTOCK_FAULTS_DIR": str(tmp_path)}
        command = [sys.executable, "-c", code, tmp_path / "a.b"]
        shown = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=30)
        assert shown.stdout == b"False\n"
