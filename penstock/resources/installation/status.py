"""Asks every role how it is, at once, and of edges and engines each; one that does not answer is told as down."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import msgspec

from penstock.infra.calls import CallClient, CallError
from penstock.spec.calls import RoleStatus, StatusReport

_SECONDS = 2.0
_WINDOW_SECONDS = 0.15
"""How much later than the first of several the others may answer."""


class Status(msgspec.Struct, frozen=True):
    """`healthy` where every role is ready. `disk` is bytes by store."""

    healthy: bool
    roles: list[StatusReport]
    disk: dict[str, int]


async def ask_all(calls: CallClient, own: StatusReport, disk: dict[str, int], shards: int) -> Status:
    asked = (_ask_each(calls, "edge"), _ask_each(calls, "engine"), _ask(calls, "warehousing"))
    edges, engines, warehousing = await asyncio.gather(*asked)
    roles = [own, *edges, *engines, *_missing(engines, shards), warehousing]
    return Status(all(role.state == "ready" for role in roles), roles, disk)


async def _ask_each(calls: CallClient, role: str) -> list[StatusReport]:
    found = await calls.ask_each(
        RoleStatus(), StatusReport, role=role, deadline_seconds=_SECONDS, window_seconds=_WINDOW_SECONDS
    )
    return sorted(found, key=lambda report: (report.started_at, report.pid)) or [await _ask(calls, role)]


def _missing(engines: list[StatusReport], shards: int) -> list[StatusReport]:
    """Shards that no engine serves, while others are served."""
    served = {name for engine in engines for name in engine.details if name.isdigit()}
    lacking = [shard for shard in map(str, range(shards)) if served and shard not in served]
    return [StatusReport("engine", "down", [f"shard {shard} has no engine"], 0, 0) for shard in lacking]


async def _ask(calls: CallClient, role: str) -> StatusReport:
    try:
        return await calls.ask(RoleStatus(), StatusReport, deadline_seconds=_SECONDS, role=role)
    except CallError as error:
        return StatusReport(role, "down", [str(error)], 0, 0)


def metrics_text(status: Status) -> str:
    """Counters and lags of all roles in the text form that Prometheus reads; those of several processes are summed."""
    lines = ["# TYPE penstock_role_ready gauge", "# TYPE penstock_count counter", "# TYPE penstock_lag gauge"]
    for name in dict.fromkeys(role.role for role in status.roles):
        reports = [role for role in status.roles if role.role == name]
        ready = all(report.state == "ready" for report in reports)
        lines.append(f'penstock_role_ready{{role="{name}"}} {int(ready)}')
        counts = _summed(report.counts for report in reports)
        lags = _summed(report.lag for report in reports)
        lines += [f'penstock_count{{role="{name}",name="{_label(k)}"}} {v}' for k, v in counts.items()]
        lines += [f'penstock_lag{{role="{name}",stream="{_label(k)}"}} {v}' for k, v in lags.items()]
    for name in ("free", "mark"):
        lines.append(f"# TYPE penstock_disk_{name}_bytes gauge")
        lines += [f'penstock_disk_{name}_bytes{{role="{role}"}} {found}' for role, found in _disk(status, name).items()]
    return "\n".join(lines) + "\n"


def _disk(status: Status, name: str) -> dict[str, int]:
    """By role, of the process with the least room: where `free` is below `mark`, something gives way."""
    found: dict[str, dict[str, int]] = {}
    for role in status.roles:
        room = role.details.get("disk")
        if isinstance(room, dict) and (role.role not in found or room["free"] < found[role.role]["free"]):
            found[role.role] = room
    return {role: room[name] for role, room in found.items()}


def _summed(numbers: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in numbers:
        total.update(one)
    return dict(total)


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
