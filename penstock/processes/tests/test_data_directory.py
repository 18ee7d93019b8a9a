import os
import stat
import subprocess
import sys

import pytest

from penstock.client.run_record import JoinRecord, ProcessRecord, RunRecord, read_run_record
from penstock.processes.data_directory import (
    DataDirectory,
    DataDirectoryTaken,
    DataDirectoryTooNew,
    records_of,
    start_time,
)


class TestLock:
    def test_a_second_owner_is_refused_with_the_pid_of_the_first(self, tmp_path):
        with DataDirectory(tmp_path), pytest.raises(DataDirectoryTaken, match=str(os.getpid())):
            DataDirectory(tmp_path)

    def test_the_lock_is_free_again_after_the_first_has_gone(self, tmp_path):
        with DataDirectory(tmp_path):
            pass
        with DataDirectory(tmp_path) as directory:
            assert directory.path == tmp_path


class TestVersion:
    def test_a_new_directory_gets_the_version_of_this_release(self, tmp_path):
        with DataDirectory(tmp_path):
            assert (tmp_path / "VERSION").read_text() == "1\n"

    @pytest.mark.parametrize("found", ["2", "x", ""])
    def test_a_newer_or_unreadable_version_is_refused(self, tmp_path, found):
        (tmp_path / "VERSION").write_text(found)
        with pytest.raises(DataDirectoryTooNew):
            DataDirectory(tmp_path)


class TestRunRecord:
    def test_the_record_is_readable_by_its_owner_alone_and_gone_after_a_clean_stop(self, tmp_path):
        with DataDirectory(tmp_path) as directory:
            directory.record(RunRecord("http://127.0.0.1:1", 7, "secret", records_of([os.getpid()])))
            assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
            record = read_run_record(tmp_path)
            assert record is not None
            assert record.token == "secret"
        assert read_run_record(tmp_path) is None

    def test_the_files_that_it_names_are_found_from_any_directory(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        join = JoinRecord("tls://h:4222", "t", "tls/ca.pem", [], 1, 1, [])
        with DataDirectory(tmp_path / "data") as directory:
            directory.record(RunRecord("https://[::1]:1", 7, "t", join=join, certificate="c.pem"))
            record = read_run_record(tmp_path / "data")
        assert (record.certificate, record.join.nats_certificate_authority) == (
            str(tmp_path / "c.pem"),
            str(tmp_path / "tls" / "ca.pem"),
        )

    def test_a_damaged_record_is_no_record(self, tmp_path):
        (tmp_path / "run.json").write_text("{")
        assert read_run_record(tmp_path) is None


class TestLeftOvers:
    def test_a_process_of_a_killed_run_is_ended_but_not_another_with_the_same_pid(self, tmp_path):
        left_over = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            with DataDirectory(tmp_path) as directory:
                processes = [*records_of([left_over.pid]), ProcessRecord(stranger.pid, "1")]
                directory.record(RunRecord("u", 1, "t", processes))
                assert directory.end_left_overs() == [left_over.pid]
            assert left_over.wait(5) == -9
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()
            left_over.kill()
            left_over.wait()

    def test_the_start_time_of_nobody_is_empty(self):
        assert start_time(2**22 + 1) == ""
        assert start_time(os.getpid())
