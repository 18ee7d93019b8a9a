"""A plan for the orders of a shop, what tests ask of one that acts, and `penstock …` as a user runs it beside it."""

import json
from typing import Any

import httpx
from typer.testing import CliRunner

from penstock.testing.instance import Instance
from penstock.testing.receiver import Receiver
from penstock.testing.setup import data_of

PROMISE_SECONDS = 2.0
"""After which a change acts on what is sent."""
FAST = {"PENSTOCK_API_RATE_FACTOR": "0", "PENSTOCK_RETRY_SECONDS": "0.5,1,2"}
ORDER = {"order_id": {"type": "string"}, "total": {"type": "number"}}
SCHEMA = {"properties": {"properties": {"properties": ORDER, "required": ["order_id"]}}}
RULE = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": SCHEMA}


def make_plan(api: httpx.Client, source: dict[str, Any], *rules: dict[str, Any], **settings: Any) -> str:
    """A plan for a source with its schema settings; returns its path."""
    plan = data_of(api.post("/tracking-plans", json={"name": "Shop", "type": "LIVE"}))["trackingPlan"]
    path = f"/tracking-plans/{plan['id']}"
    data_of(api.put(f"{path}/rules", json={"rules": list(rules)}))
    data_of(api.post(f"{path}/sources", json={"sourceId": source["id"]}))
    if settings:
        data_of(api.patch(f"/sources/{source['id']}/settings", json=settings))
    return path


def held(api: httpx.Client, source: dict[str, Any]) -> list[dict[str, Any]]:
    """What quarantine holds of a source, and of its destinations."""
    found: list[dict[str, Any]] = data_of(api.get("/penstock/quarantine", params={"sourceId": source["id"]}))["events"]
    return found


def arrived(receiver: Receiver, path: str) -> list[Any]:
    return [request.json() for request in receiver.requests if request.path == path]


def run(instance: Instance, *words: str, given: Any = None, status: int = 0) -> tuple[Any, str]:
    """`penstock …` with its body on standard input: what it has shown, None if nothing, and what it has told."""
    from penstock.cli.app import app

    environment = {"PENSTOCK_URL": instance.url, "PENSTOCK_TOKEN": instance.ready["token"]}
    body = ("--file", "-") if given is not None else ()
    done = CliRunner().invoke(app, [*words, *body], input=json.dumps(given), env=environment)
    assert done.exit_code == status, done.stderr
    return json.loads(done.stdout) if done.stdout else None, done.stderr
