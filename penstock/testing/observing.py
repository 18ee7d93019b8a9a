"""What a running instance tells and holds, seen from outside: outcomes, states of its roles, quarantine, subjects."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from penstock.infra.log import Log
from penstock.infra.log.streams import api
from penstock.spec import delivery
from penstock.spec.streams import delivery as delivery_stream
from penstock.testing.instance import Instance, wait_until

T = TypeVar("T")
FINAL = ("SUCCESSFUL_DELIVERY", "FAILED_DELIVERY", "FILTERED_AT_DESTINATION")


class Quarantined(msgspec.Struct, frozen=True):
    """One event in quarantine."""

    holder: str
    subscription_id: str
    message_id: str
    reason: str
    attempts: int
    response: bytes
    body: bytes


def outcomes(instance: Instance, *, of_source_itself: bool = False, **filters: str) -> Counter[tuple[str, str]]:
    """(outcome, reason) to count of what the fold has counted; nothing while the control process does not answer.

    A Counter, so that a wait for a count that the fold has not seen yet goes on.

    `of_source_itself` leaves out what ended at a destination.
    """
    asked = "".join(f"&{name}={value}" for name, value in filters.items())
    try:
        found = instance.local().get(f"/penstock/outcomes?by=outcome,reason,destination_id{asked}")["outcomes"]
    except Exception:  # noqa: BLE001 - whatever is wrong now, the deadline of the caller tells
        return Counter()
    summed: Counter[tuple[str, str]] = Counter()
    for row in found:
        if not (of_source_itself and row["destination_id"]):
            summed[row["outcome"], row["reason"]] += row["count"]
    return summed


def finals(instance: Instance, destination_id: str) -> dict[tuple[str, str], int]:
    """The final outcomes of one destination."""
    found = outcomes(instance, destination_id=destination_id)
    return {key: count for key, count in found.items() if key[0] in FINAL}


def wait_for_finals(instance: Instance, destination_id: str, count: int, seconds: float = 30) -> dict[Any, int]:
    """The final outcomes of one destination, as soon as there are `count`."""
    what = f"{count} final outcomes of {destination_id}"
    wait_until(lambda: sum(finals(instance, destination_id).values()) >= count, seconds, what)
    return finals(instance, destination_id)


def roles(instance: Instance) -> dict[str, dict[str, Any]]:
    """What each role says of itself, by name; empty while nobody answers."""
    try:
        answer = instance.local().get("/penstock/status")
    except Exception:  # noqa: BLE001 - whatever is wrong now, the deadline of the caller tells
        return {}
    return {role["role"]: role for role in answer["roles"]}


def is_healthy(instance: Instance) -> bool:
    found = roles(instance)
    return bool(found) and all(role["state"] == "ready" for role in found.values())


def environment_of(pid: int) -> dict[str, str]:
    """The variables that a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(entry.partition("=")[::2] for entry in entries if "=" in entry)


def own_ports(instance: Instance) -> list[int]:
    """Every port of the tree."""
    return [int(port) for port in environment_of(instance.pid_of("engine"))["PENSTOCK_OWN_PORTS"].split(",")]


def ask_log(instance: Instance, ask: Callable[[Log], Awaitable[T]]) -> T:
    """What `ask` finds in the log engine of the instance."""
    variables = environment_of(instance.pid_of("engine"))

    async def asked() -> T:
        log = await Log.connect(variables["PENSTOCK_NATS_URL"], token=variables["PENSTOCK_NATS_TOKEN"], name="test")
        try:
            return await ask(log)
        finally:
            await log.close()

    return asyncio.run(asked())


def subjects(instance: Instance) -> list[str]:
    """Every subject that holds a message, of every stream that there is."""

    async def ask(log: Log) -> list[str]:
        found: list[str] = []
        for stream in (await api(log._link, "STREAM.LIST"))["streams"]:  # noqa: SLF001 - a test looks inside
            name = stream["config"]["name"]
            info = await api(log._link, f"STREAM.INFO.{name}", {"subjects_filter": ">"})  # noqa: SLF001
            found += (info["state"].get("subjects") or {}).keys()
        return found

    return ask_log(instance, ask)


def quarantined(instance: Instance, shard: int = 0) -> list[Quarantined]:
    """Everything that quarantine holds, in order."""

    async def ask(log: Log) -> list[Quarantined]:
        stream = delivery_stream(shard)
        found: list[Quarantined] = []
        last = (await log.state(stream)).last
        start = 1
        while start <= last:
            messages = await log.get_batch(stream, start, subject=f"delivery.{shard}.quarantine.*")
            if not messages:
                break
            start = messages[-1].sequence + 1
            found += [one for message in messages for one in _rows(message.subject, message.payload)]
        return found

    return ask_log(instance, ask)


def _rows(subject: str, payload: bytes) -> list[Quarantined]:
    head, body = delivery.quarantine_decoder.frame(payload)
    return [
        Quarantined(
            subject.rpartition(".")[2],
            row.subscription_id,
            row.message_id,
            row.reason,
            row.attempts,
            row.response,
            bytes(body[row.offset : row.offset + row.length]),
        )
        for row in head.rows
    ]


def resident_megabytes(pid: int) -> float:
    """Memory of one process that is in RAM now."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
