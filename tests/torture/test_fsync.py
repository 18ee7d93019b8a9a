"""SIGKILL cannot show that data reached the disk: the page cache survives it. So the calls themselves are counted."""

import base64
import http.client
import re
import shutil
import signal
import subprocess
import time

import pytest

from penstock.testing.instance import Instance, wait_until

EVENTS = 200


@pytest.mark.torture
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_acknowledged_frame_was_synced_to_disk(tmp_path):
    with Instance(tmp_path / "data") as instance:
        trace = tmp_path / "trace"
        command = ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(instance.pid_of("log"))]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            assert b"attached" in tracer.stderr.readline()
            before = synced(trace)
            commits = send_one_by_one(instance.url, instance.ready["writeKey"])
            wait_until(lambda: synced(trace) - before >= commits, 5, f"{commits} syncs")
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=10)
        print(f"\n{commits} commits one after the other, {synced(trace) - before} fsyncs")


def synced(trace):
    """How many fsync or fdatasync calls have succeeded so far."""
    if not trace.exists():
        return 0
    return len(re.findall(r"(?:fsync|fdatasync)(?:\(\d+\)| resumed>\)) += 0", trace.read_text()))


def send_one_by_one(url, key):
    """Each event is a frame of its own, since the next is sent after the answer. Returns how many."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    token = base64.b64encode(f"{key}:".encode()).decode()
    for number in range(EVENTS):
        body = b'{"userId":"u","event":"Synced","messageId":"sync-%d-%d"}' % (time.time_ns(), number)
        connection.request("POST", "/v1/track", body, {"Authorization": f"Basic {token}"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b'{"success":true}')
    connection.close()
    return EVENTS
