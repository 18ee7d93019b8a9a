"""`penstock run`: one role as a process of its own. Where its log is, and what else it misses, is found or refused.

Errors:
    RoleRefused    the role cannot run so; the message says what to give it
"""

import asyncio
import importlib
import os
import secrets
from contextlib import nullcontext
from pathlib import Path

import msgspec

from penstock.client.run_record import JoinRecord, RunRecord, read_run_record
from penstock.kit.settings import Settings, environment_of
from penstock.processes.data_directory import DataDirectory, forget_ready, records_of, start_time
from penstock.processes.environment import (
    ALONE_VARIABLE,
    EMBEDDED_VARIABLE,
    LOCAL_TOKEN_VARIABLE,
    PORT_VARIABLE,
    READY_FILE_VARIABLE,
)
from penstock.processes.log_engine import prepare_log
from penstock.processes.ports import settled_port

ROLES = ("control", "edge", "engine", "warehousing")


class RoleRefused(Exception):  # noqa: N818 - the consequence is in the name
    """The role misses something."""


def run_alone(role: str, settings: Settings, ready_file: Path | None) -> None:
    """Run one role until it is told to stop.

    Raises RoleRefused, PortTaken, DataDirectoryError, LogError before it has begun.
    """
    record = living_record(Path(settings.data))
    join = record.join if record else None
    is_embedded = join is not None and join.is_log_embedded and not settings.nats_url
    settings = _with_port(role, _with_log(settings, record))
    _check(role, settings, record)
    asyncio.run(prepare_log(settings, is_embedded=is_embedded, may_grow=role == "control"))
    os.environ.update(
        environment_of(settings) | {ALONE_VARIABLE: "1"} | ({EMBEDDED_VARIABLE: "1"} if is_embedded else {})
    )
    forget_ready(ready_file)
    if ready_file is not None:
        os.environ[READY_FILE_VARIABLE] = str(ready_file.absolute())
    if join is not None:
        os.environ.setdefault(PORT_VARIABLE, str(join.control_port))
    with _directory_of_control(settings) if role == "control" else nullcontext():
        importlib.import_module(f"penstock.processes.{role}").main()


def living_record(data: Path) -> RunRecord | None:
    """What runs on a data directory; None where nothing does, or what did was killed."""
    record = read_run_record(data)
    if record is None:
        return None
    is_alive = any(one.pid == record.pid and start_time(one.pid) == one.started for one in record.processes)
    return record if is_alive else None


def _with_log(settings: Settings, record: RunRecord | None) -> Settings:
    if settings.nats_url:
        return settings
    if record is None or record.join is None:
        raise RoleRefused(
            f"no log: nothing runs on {settings.data}. Set PENSTOCK_NATS_URL (and PENSTOCK_NATS_TOKEN), or name the "
            "data directory of a running `penstock up` with --data"
        )
    join = record.join
    return msgspec.structs.replace(
        settings,
        nats_url=join.nats_url,
        nats_token=join.nats_token,
        nats_certificate_authority=join.nats_certificate_authority,
        nats_monitoring=tuple(join.nats_monitoring),
        shards=join.shards,
    )


def _with_port(role: str, settings: Settings) -> Settings:
    if role == "edge":
        return msgspec.structs.replace(settings, port=settled_port(settings.host, settings.port))
    if role == "control":
        return msgspec.structs.replace(settings, port=settled_port("127.0.0.1", settings.port))
    return settings


def _check(role: str, settings: Settings, record: RunRecord | None) -> None:
    if role == "edge":
        return
    if record is not None and record.join is not None and role in record.join.roles:
        raise RoleRefused(f"{settings.data} has its {role} already (pid {record.pid}); only edges may be several")
    if role != "control" and not settings.secret_key and not (Path(settings.data) / "secret.key").exists():
        raise RoleRefused(
            f"no key: {role} opens secrets that control has sealed. Set PENSTOCK_SECRET_KEY to the same text for "
            f"every role, or give it the data directory of control ({settings.data} has no secret.key)"
        )
    if any(shard >= settings.shards for shard in settings.engine_shards):
        raise RoleRefused(f"there are {settings.shards} shards, counted from 0: {list(settings.engine_shards)}")


def _directory_of_control(settings: Settings) -> DataDirectory:
    """Locked for control, and with a record, so that `penstock status`, `sync`, `sql` and `run edge` find it."""
    directory = DataDirectory(Path(settings.data))
    token = os.environ.setdefault(LOCAL_TOKEN_VARIABLE, secrets.token_urlsafe(32))
    os.environ[PORT_VARIABLE] = str(settings.port)
    url = f"http://127.0.0.1:{settings.port}"
    join = join_record(settings, settings.port, ("control",))
    directory.record(RunRecord(url, os.getpid(), token, records_of([os.getpid()]), join))
    return directory


def join_record(
    settings: Settings, control_port: int, roles: tuple[str, ...], *, is_log_embedded: bool = False
) -> JoinRecord:
    """What those must know that join an instance of these settings."""
    return JoinRecord(
        settings.nats_url,
        settings.nats_token,
        settings.nats_certificate_authority,
        list(settings.nats_monitoring),
        settings.shards,
        control_port,
        list(roles),
        is_log_embedded,
    )
