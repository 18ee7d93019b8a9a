"""The streams of an installation, made where they are missing; and the checks of a server that is not ours.

Every refusal names the line of the server's configuration that has to change.
"""

import asyncio
import json
import urllib.request
from collections.abc import Sequence
from typing import Any

import structlog

from penstock.infra.log.errors import LogRefused, LogUnavailable
from penstock.infra.log.log import Log
from penstock.infra.log.message import MAX_PAYLOAD, Storage, StreamSpec
from penstock.infra.log.writer import BATCH_MESSAGES
from penstock.kit.backoff import backoff
from penstock.spec.streams import SNAPSHOTS, accepted, streams

logger = structlog.get_logger(__name__)

LEAST_VERSION = (2, 12)
PATIENCE_SECONDS = 30.0
"""A cluster that has just been started elects its leaders, and tells its peers of one another, in that time."""
NO_PEERS, NOT_CLUSTERED, INSUFFICIENT = 10005, 10074, 10023
"""JetStream's codes where it has not as many nodes as there are to be replicas."""
TOO_MANY_STREAMS = 10027
OFF_LINE = 'jetstream { store_dir: "/var/lib/nats", sync_interval: always }'
_ANSWER_BYTES = 1 << 20


async def ensure_streams(log: Log, shards: int, *, storage: Storage = "file", replicas: int = 1) -> None:
    """Make every stream and the bucket of snapshots, and raise the replicas of those that have fewer."""
    for name, subjects in reversed(streams(shards).items()):  # the last shard first: then it tells that all will be
        await log.ensure_stream(StreamSpec(name, subjects, storage=storage, replicas=replicas))
    await log.bucket(SNAPSHOTS, storage=storage, replicas=replicas)


async def prepare(
    log: Log,
    shards: int,
    *,
    replicas: int = 1,
    monitoring: Sequence[str] = (),
    may_grow: bool = True,
    least_storage: int = 0,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Check the engine and make what is missing. Raises LogRefused with the line to change, LogUnavailable.

    `may_grow`: whether shards may be added to those that there are. `least_storage`: bytes that it must be allowed to
    store; with fewer the disk would count as low whatever stands there.
    """
    check_server(log)
    await _check_nodes(monitoring, least_storage, is_clustered=replicas > 1)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    waits = backoff(0.1, 1.0)
    while True:
        try:
            _check_account(await log.limits(), shards, least_storage)
            _check_shards(await log.stream_names(), shards, may_grow=may_grow)
            await ensure_streams(log, shards, replicas=replicas)
        except (LogUnavailable, LogRefused) as error:
            if loop.time() > deadline or not _may_pass(error):
                raise _explained(error, log, shards, replicas) from error
            await asyncio.sleep(next(waits))
        else:
            return


def check_server(log: Log) -> None:
    """Raises LogRefused where the connected server is too old, or takes too little."""
    parts = log.server_version.split(".")
    if tuple(int(part) for part in parts[:2]) < LEAST_VERSION:
        raise _refusal(f"nats-server {log.server_version}: at least 2.12 is needed for atomic batches; upgrade it")
    if log.max_payload < MAX_PAYLOAD:
        raise _refusal(f"nats-server has max_payload {log.max_payload}: set `max_payload: {MAX_PAYLOAD}`")


def _check_account(limits: Any, shards: int, least_storage: int) -> None:
    stored = limits["max_storage"]
    if not stored:
        raise _refusal("the account has no file storage: set `jetstream: { max_file: 100G }` in the account")
    if 0 < stored <= least_storage:
        raise _refusal(_too_little("the account", stored, least_storage, "jetstream: { max_file: 100G }"))
    if 0 < limits["max_streams"] < _needed_streams(shards):
        raise _too_few_streams(shards)
    if limits.get("max_bytes_required"):
        raise _refusal("the account wants max_bytes of every stream: set `max_bytes_required: false` in the account")
    if (bound := limits.get("storage_max_stream_bytes", -1)) > 0:
        raise _refusal(f"the account lets a stream hold {bound} bytes: take `disk_max_stream_bytes` out of the account")


def _needed_streams(shards: int) -> int:
    """With the bucket of snapshots, and what functions print, whose stream is made when the first does."""
    return len(streams(shards)) + 2


def _too_few_streams(shards: int) -> LogRefused:
    return _refusal(
        "the account may not have as many streams as are needed: set `jetstream: { max_streams: "
        f"{_needed_streams(shards)} }}` in the account, or more where others have some there"
    )


def _too_little(holder: str, stored: int, least: int, line: str) -> str:
    return (
        f"{holder} may store {stored >> 20} MiB, and with less than {least >> 20} MiB free the log counts as full: set "
        f"`{line}`, or PENSTOCK_LOW_DISK_MEGABYTES lower"
    )


def _check_shards(names: Sequence[str], shards: int, *, may_grow: bool) -> None:
    found = sum(name.startswith("ACCEPTED-") for name in names)
    is_too_many = found > 0 and not may_grow and accepted(shards - 1) not in names
    if accepted(shards) in names or is_too_many:
        raise _refusal(
            f"the log has {found} shards, and they are fixed until it has drained: set PENSTOCK_SHARDS={found}"
        )


def _may_pass(error: Exception) -> bool:
    return isinstance(error, LogUnavailable) or getattr(error, "code", 0) in (NO_PEERS, INSUFFICIENT)


def _explained(error: LogUnavailable | LogRefused, log: Log, shards: int, replicas: int) -> LogUnavailable | LogRefused:
    if isinstance(error, LogUnavailable):
        if log.is_connected and not log.has_jetstream:
            return _refusal(f"nats-server runs without JetStream: set `{OFF_LINE}`")
        return error
    if error.code == TOO_MANY_STREAMS:
        return _too_few_streams(shards)
    if error.code == NOT_CLUSTERED:
        return _refusal(
            f"PENSTOCK_NATS_REPLICAS={replicas}, but nats-server is no cluster: set `cluster {{ name: penstock, "
            "listen: 0.0.0.0:6222, routes: [nats://OTHER:6222] }` on each node, or PENSTOCK_NATS_REPLICAS=1"
        )
    if error.code in (NO_PEERS, INSUFFICIENT):
        return _refusal(
            f"PENSTOCK_NATS_REPLICAS={replicas}, but not so many nodes with JetStream and room take part: add each to "
            f"`cluster {{ routes: […] }}` of the others, or set PENSTOCK_NATS_REPLICAS lower ({error})"
        )
    return error


async def _check_nodes(monitoring: Sequence[str], least_storage: int, *, is_clustered: bool) -> None:
    """Whether every node that can be seen syncs before it answers, and takes enough; what cannot be seen is told."""
    if not monitoring:
        logger.warning(
            "Whether the log engine syncs to disk before it answers, and what each node may store, cannot be seen; "
            "name the monitoring address of each node in PENSTOCK_NATS_MONITORING.",
            needed="sync_interval: always",
        )
    for url in monitoring:
        found = await asyncio.to_thread(_get, f"{url.rstrip('/')}/jsz")
        if not found and is_clustered:
            logger.warning("A node of the log engine does not answer; whether it syncs is not known.", node=url)
        elif not found:
            raise _refusal(f"PENSTOCK_NATS_MONITORING: {url} does not answer; set `http: HOST:8222` in nats-server")
        elif found.get("disabled"):
            raise _refusal(f"the node at {url} runs without JetStream: set `{OFF_LINE}`")
        elif not found.get("config", {}).get("sync_always"):
            raise _refusal(
                f"the node at {url} answers before data is on disk, and loses it in a power cut: set "
                "`jetstream { sync_interval: always }`"
            )
        else:
            _check_limits(url, found, least_storage)


def _check_limits(url: str, found: dict[str, Any], least_storage: int) -> None:
    stored = found["config"].get("max_storage", 0)
    if 0 < stored <= least_storage:
        raise _refusal(_too_little(f"the node at {url}", stored, least_storage, "jetstream { max_file_store: 100G }"))
    batch = found.get("limits", {}).get("max_batch_size", BATCH_MESSAGES)
    if batch < BATCH_MESSAGES:
        raise _refusal(
            f"the node at {url} takes batches of {batch} messages: set `jetstream {{ limits {{ batch {{ max_msgs: "
            f"{BATCH_MESSAGES} }} }} }}`"
        )


def _get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - the operator names the address
            found: dict[str, Any] = json.loads(answer.read(_ANSWER_BYTES))
            return found
    except (OSError, ValueError):
        return {}


def _refusal(reason: str) -> LogRefused:
    return LogRefused(0, 400, reason)
