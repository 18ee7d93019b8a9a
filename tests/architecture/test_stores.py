"""What is stored is registered: the streams of an installation, and the files of a data directory."""

from penstock.infra.log.bucket import bucket_spec
from penstock.spec.streams import SNAPSHOTS, streams
from penstock.testing.stores import unregistered_files, unregistered_subjects


def test_every_stream_of_an_installation_is_registered():
    subjects = [subject for subjects in streams(2).values() for subject in subjects]
    subjects += bucket_spec(SNAPSHOTS).subjects
    assert not unregistered_subjects(subjects)


async def test_every_stream_that_a_server_has_is_registered(log):
    from penstock.infra.log.installation import ensure_streams
    from penstock.infra.log.streams import api

    await ensure_streams(log, 2, storage="memory")
    answer = await api(log._link, "STREAM.LIST")
    found = [subject for stream in answer["streams"] for subject in stream["config"]["subjects"]]
    assert len(answer["streams"]) == 8
    assert not unregistered_subjects(found)


def test_a_file_that_is_not_registered_is_found(tmp_path):
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "1.blk").touch()
    (tmp_path / "samples.json").touch()
    assert unregistered_files(tmp_path) == ["samples.json"]
