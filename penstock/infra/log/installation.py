"""The streams of an installation, made where they are missing; and the checks of a server that is not ours."""

from penstock.infra.log.errors import LogRefused
from penstock.infra.log.log import Log
from penstock.infra.log.message import MAX_PAYLOAD, Storage, StreamSpec
from penstock.spec.streams import SNAPSHOTS, streams

LEAST_VERSION = (2, 12)


async def ensure_streams(log: Log, shards: int, *, storage: Storage = "file", replicas: int = 1) -> None:
    """Make every stream and the bucket of snapshots; those that exist stay as they are."""
    for name, subjects in streams(shards).items():
        await log.ensure_stream(StreamSpec(name, subjects, storage=storage, replicas=replicas))
    await log.bucket(SNAPSHOTS, storage=storage, replicas=replicas)


def check_server(log: Log) -> None:
    """Raises LogRefused, with the line to change, where the connected server cannot carry an installation."""
    parts = log.server_version.split(".")
    if tuple(int(part) for part in parts[:2]) < LEAST_VERSION:
        raise LogRefused(0, 400, f"nats-server {log.server_version}: at least 2.12 is needed for atomic batches")
    if log.max_payload < MAX_PAYLOAD:
        raise LogRefused(0, 400, f"nats-server has max_payload {log.max_payload}: set `max_payload: {MAX_PAYLOAD}`")
