"""The settings of an installation: one struct, each field with its meaning, its bounds and whether a restart is needed.

Precedence: flag, then environment (`PENSTOCK_<NAME>`), then `penstock.toml`, then the default. Waits, windows and
intervals are settings so that tests can scale them.

Errors:
    SettingsError    a value is refused; `name` says which and `source` where it came from
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

PREFIX = "PENSTOCK_"


def _about(description: str, *, secret: bool = False, restart: bool = True, **bounds: Any) -> Meta:
    return Meta(description=description, extra={"secret": secret, "restart": restart}, **bounds)


Port = Annotated[int, _about("Port of the one public address; 0 picks a free one.", ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. Durations are in the unit that the name ends with."""

    data: Annotated[str, _about("Directory that holds all state.")] = "penstock-data"
    host: Annotated[str, _about("Address to bind; anything but loopback closes the laptop exceptions.")] = "127.0.0.1"
    port: Port = 8280
    public_url: Annotated[
        str, _about("Address that browsers and phones reach, with scheme.", pattern=r"^($|https?://[^/?#\s]+)")
    ] = ""
    trusted_proxies: Annotated[tuple[str, ...], _about("CIDRs whose X-Forwarded-For is believed.")] = ()
    outbound_allow: Annotated[tuple[str, ...], _about("CIDRs of private addresses that may be called.")] = ()
    nats_url: Annotated[
        str, _about("Servers of an external log engine, `nats://` or `tls://`; empty: the embedded one.")
    ] = ""
    nats_token: Annotated[str, _about("Token of the log engine.", secret=True)] = ""
    nats_certificate_authority: Annotated[
        str, _about("File of the authority that signed its certificates; empty: those that the system trusts.")
    ] = ""
    nats_monitoring: Annotated[
        tuple[str, ...], _about("Monitoring addresses of its nodes, `http://HOST:8222`: whether they sync is asked.")
    ] = ()
    nats_replicas: Annotated[int, _about("Nodes that hold each stream; raised, never lowered.", ge=1, le=5)] = 1
    database_url: Annotated[
        str,
        _about(
            "Control database, `postgresql://USER:PASSWORD@HOST/NAME`; empty: SQLite in the data directory.",
            secret=True,
            pattern=r"^($|(sqlite|postgres(ql)?)(\+\w+)?://)",
        ),
    ] = ""
    secret_key: Annotated[str, _about("Key that seals secrets; empty: a file in the data directory.", secret=True)] = ""
    secret_key_previous: Annotated[
        str, _about("The key before `secret_key`, while what it has sealed is sealed anew.", secret=True)
    ] = ""
    log_format: Annotated[
        str, _about("`json`, `text`, or `auto`: text on a terminal.", pattern="^(json|text|auto)$")
    ] = "auto"
    shards: Annotated[int, _about("Independent logs of events; fixed until the log has drained.", ge=1, le=256)] = 1
    engine_shards: Annotated[
        tuple[Annotated[int, Meta(ge=0)], ...], _about("Shards of this engine; empty: all. Each shard has one engine.")
    ] = ()
    tls_cert: Annotated[str, _about("File with the certificate chain (PEM) of the public port; empty: plain http.")] = (
        ""
    )
    tls_key: Annotated[str, _about("File with the private key (PEM) of `tls_cert`.")] = ""
    connections: Annotated[int, _about("Connections that an edge holds at once; more of them wait.", ge=16)] = 8_192
    idle_seconds: Annotated[
        int,
        _about(
            "A connection that sends no whole head of a request for so long is closed; over TLS one that is silent, "
            "after 330 s. HTTP/2 connections that answer pings stay: `connections` bounds them.",
            ge=1,
        ),
    ] = 30
    body_seconds: Annotated[Seconds, _about("A body that is not there after so long is answered 408.")] = 30.0
    leave_seconds: Annotated[
        float, _about("How long a stopping edge takes requests while it says that it is not ready.", ge=0, le=300)
    ] = 0.0
    workspace_name: Annotated[str, _about("Name of the workspace made on the first run.", min_length=1)] = "Penstock"

    smtp_url: Annotated[
        str,
        _about(
            "Server that invites are mailed by, `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`; empty: none.",
            secret=True,
            pattern=r"^($|smtps?://)",
        ),
    ] = ""
    smtp_sender: Annotated[str, _about("Address that invites are mailed from.")] = "penstock@localhost"
    api_rate_factor: Annotated[
        float, _about("Times the rate limits that the Public API states; 1: as stated, 0: none.", ge=0)
    ] = 20.0
    unknown_key_rate: Annotated[Count, _about("Events per second with unknown write keys, per edge.")] = 100
    strict_write_keys: Annotated[bool, _about("Answer 401 to write keys that nobody knows, instead of 200.")] = False
    source_event_rate: Annotated[int, _about("Events per second of one source and edge; 0: any.", ge=0)] = 0
    workspace_event_rate: Annotated[int, _about("Events per second of one workspace and edge; 0: any.", ge=0)] = 0
    waiting_megabytes: Annotated[
        int, _about("Megabytes of requests that wait to be stored; more are answered 503.", ge=1, le=4096)
    ] = 64
    frame_bytes: Annotated[int, _about("Bytes of events that close an ACCEPTED frame.", ge=65536, le=4 << 20)] = 1 << 20

    dedupe_hours: Annotated[int, _about("How long a message id is remembered.", ge=24)] = 24
    window: Annotated[Count, _about("Deliveries of one destination waiting or in flight.", restart=False)] = 1_000
    window_total: Annotated[Count, _about("Deliveries of all destinations waiting or in flight.")] = 20_000
    behind_readers: Annotated[Count, _about("Destinations that read on their own at once.")] = 16
    retry_seconds: Annotated[
        tuple[Annotated[float, Meta(gt=0)], ...], _about("Rungs of the retry ladder.", min_length=1, max_length=32)
    ] = (
        30.0,
        60.0,
        120.0,
        240.0,
        480.0,
        960.0,
        1920.0,
        3600.0,
        3600.0,
    )
    retry_window_seconds: Annotated[Seconds, _about("After this long since the first attempt it has failed.")] = (
        14_400.0
    )
    retry_jitter: Annotated[float, _about("A wait is multiplied by 1 ± this.", ge=0, le=0.9)] = 0.5
    circuit_failures: Annotated[Count, _about("Failures in a row that open a circuit.")] = 20
    circuit_minimum: Annotated[Count, _about("Attempts in the circuit's window before its ratio counts.")] = 50
    circuit_ratio: Annotated[float, _about("Ratio of failures that opens a circuit.", gt=0, le=1)] = 0.9
    circuit_seconds: Annotated[Seconds, _about("Length of the circuit's window.")] = 60.0
    probe_seconds: Annotated[Seconds, _about("Time between probes through an open circuit.")] = 60.0
    settle_seconds: Annotated[Seconds, _about("Longest time that an ended delivery waits to be settled.")] = 0.1
    settle_endings: Annotated[Count, _about("Endings that are settled at once.")] = 1_000
    attempt_seconds: Annotated[Seconds, _about("Limit of one attempt, single event.")] = 10.0
    batch_attempt_seconds: Annotated[Seconds, _about("Limit of one attempt, batch.")] = 30.0
    batch_wait_seconds: Annotated[Seconds, _about("Longest wait for a batch to fill.")] = 1.0
    runners: Annotated[int, _about("JavaScript runner processes.", ge=1, le=64)] = 2
    runner_megabytes: Annotated[Count, _about("A runner above this is replaced.")] = 600
    runner_calls: Annotated[Count, _about("A runner is replaced after so many calls.")] = 50_000
    functions: Annotated[int, _about("Processes of users' functions.", ge=1, le=256)] = 8
    function_batch_events: Annotated[
        int,
        _about(
            "Events of one batch of a destination function, its `batchMaxCount`; 0: as never raised, 20.", ge=0, le=400
        ),
    ] = 0
    function_megabytes: Annotated[int, _about("A process of a function above this is ended.", ge=128)] = 256

    sync_seconds: Annotated[Seconds, _about("Time between warehouse syncs.")] = 30.0
    warehouse_idle_seconds: Annotated[Seconds, _about("The DuckDB file is closed after this long without work.")] = 5.0
    sql_rows: Annotated[Count, _about("Rows that `penstock sql` returns at most.", restart=False)] = 10_000
    sql_seconds: Annotated[Seconds, _about("Time that `penstock sql` may take.", restart=False)] = 30.0
    sql_megabytes: Annotated[Count, _about("Memory that the embedded warehouse may take.")] = 512

    accepted_hours: Annotated[float, _about("Retention of ACCEPTED.", gt=0)] = 48.0
    routed_hours: Annotated[float, _about("Retention of ROUTED; never under 26.", ge=26)] = 168.0
    quarantine_hours: Annotated[float, _about("Retention of quarantine.", gt=0)] = 336.0
    quarantine_events: Annotated[Count, _about("Events kept per quarantine holder.")] = 1_000_000
    facts_hours: Annotated[float, _about("Retention of facts after they are folded.", gt=0)] = 24.0
    max_lag_hours: Annotated[float, _about("How long what a reader has not read is kept.", gt=0)] = 72.0
    retention_seconds: Annotated[Seconds, _about("Time between rounds of the retention loop.")] = 60.0
    low_disk_megabytes: Annotated[
        int, _about("Megabytes of free room below which history goes; below less of it the rest stops.", ge=1)
    ] = 2_048
    low_disk_percent: Annotated[float, _about("The same in percent of the disk; the larger counts.", ge=0, le=50)] = 5.0
    low_disk_routed_minutes: Annotated[
        float, _about("ROUTED that a low disk leaves: after a power cut the dedupe index reads it.", ge=0)
    ] = 10.0
    disk_seconds: Annotated[float, _about("Time between looks at the room on disk.", ge=1, le=60)] = 1.0
    drain_seconds: Annotated[Seconds, _about("How long a stop may take.")] = 10.0
    clock_offset_hours: Annotated[float, _about("Shifts the clock; for tests of what happens later.")] = 0.0


_NETWORKS: dict[str, tuple[tuple[str, ...], ...]] = {"outbound_allow": (("none",),), "trusted_proxies": ()}
"""Settings that are lists of CIDRs, and the words that each may be instead."""

_MASK = "••••••••"
_CREDENTIALS = re.compile(r"(\w+://)[^/,\s]*@")


class SettingsError(Exception):
    """A setting is refused."""

    def __init__(self, name: str, source: str, reason: str) -> None:
        super().__init__(f"setting `{name}` ({source}): {reason}")
        self.name = name
        self.source = source


class Field(msgspec.Struct, frozen=True):
    """What is known of one setting besides its value."""

    name: str
    description: str
    is_secret: bool
    needs_restart: bool
    is_list: bool


def fields() -> dict[str, Field]:
    """All settings by name, in the order of the struct."""
    found = {}
    for field in msgspec.structs.fields(Settings):
        metadata = getattr(field.type, "__metadata__", ())
        about = next(meta for meta in metadata if meta.extra is not None)
        is_list = isinstance(field.default, tuple)
        found[field.name] = Field(
            field.name, about.description or "", about.extra["secret"], about.extra["restart"], is_list
        )
    return found


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> tuple[Settings, dict[str, str]]:
    """The effective settings and where each value came from. Raises SettingsError by name."""
    known = fields()
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    layers = (
        (_from_file(file), f"file {file}"),
        (_from_environment(environment, known), "environment"),
        (flags, "flag"),
    )
    for layer, source in layers:
        for name, value in layer.items():
            if value is None:
                continue
            if name not in known:
                raise SettingsError(name, source, "there is no such setting")
            values[name], sources[name] = _converted(known[name], value, source), source
    return Settings(**values), sources


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None or not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("penstock.toml", f"file {file}", str(error)) from error


def _from_environment(environment: Mapping[str, str], known: Mapping[str, Field]) -> dict[str, str]:
    names = {PREFIX + name.upper(): name for name in known}
    return {names[variable]: value for variable, value in environment.items() if variable in names and value != ""}


def _converted(field: Field, value: Any, source: str) -> Any:
    if field.is_list and isinstance(value, str):
        value = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        converted = msgspec.convert(value, _types()[field.name], strict=False)
        if field.name in _NETWORKS and converted not in _NETWORKS[field.name]:
            for network in converted:
                ipaddress.ip_network(network, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(field.name, source, str(error)) from error
    return converted


@cache
def _types() -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(Settings)}


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a child process the same settings."""
    variables = {}
    for name, field in fields().items():
        value = getattr(settings, name)
        variables[PREFIX + name.upper()] = ",".join(map(str, value)) if field.is_list else str(value)
    return variables


def masked(settings: Settings) -> dict[str, Any]:
    """Values for showing: secrets that are set, and credentials in URLs, read `••••••••`."""
    shown = {name: getattr(settings, name) for name in fields()}
    for name, field in fields().items():
        if field.is_secret and shown[name]:
            shown[name] = _MASK
        elif isinstance(shown[name], str):
            shown[name] = _CREDENTIALS.sub(rf"\1{_MASK}@", shown[name])
    return shown
