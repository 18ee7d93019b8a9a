"""Asks every role how it is, at once; a role that does not answer is told as down."""

import asyncio

import msgspec

from penstock.infra.calls import CallClient, CallError
from penstock.spec.calls import RoleStatus, StatusReport

ASKED_ROLES = ("edge", "engine", "warehousing")
_SECONDS = 2.0


class Status(msgspec.Struct, frozen=True):
    """`healthy` where every role is ready. `disk` is bytes by store."""

    healthy: bool
    roles: list[StatusReport]
    disk: dict[str, int]


async def ask_all(calls: CallClient, own: StatusReport, disk: dict[str, int]) -> Status:
    roles = [own, *await asyncio.gather(*(_ask(calls, role) for role in ASKED_ROLES))]
    return Status(all(role.state == "ready" for role in roles), roles, disk)


async def _ask(calls: CallClient, role: str) -> StatusReport:
    try:
        return await calls.ask(RoleStatus(), StatusReport, deadline_seconds=_SECONDS, role=role)
    except CallError as error:
        return StatusReport(role, "down", [str(error)], 0, 0)


def metrics_text(status: Status) -> str:
    """Counters and lags of all roles in the text form that Prometheus reads."""
    lines = ["# TYPE penstock_role_ready gauge", "# TYPE penstock_count counter", "# TYPE penstock_lag gauge"]
    for role in status.roles:
        lines.append(f'penstock_role_ready{{role="{role.role}"}} {int(role.state == "ready")}')
        lines += [f'penstock_count{{role="{role.role}",name="{_label(k)}"}} {v}' for k, v in role.counts.items()]
        lines += [f'penstock_lag{{role="{role.role}",stream="{_label(k)}"}} {v}' for k, v in role.lag.items()]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
