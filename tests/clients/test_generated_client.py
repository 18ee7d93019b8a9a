"""A module that `penstock plan codegen` wrote, on top of the unmodified Node SDK: checked against its types, and sent."""

import subprocess

from real_clients import SECONDS, environment

from penstock.cli.plans.typescript import module_of
from penstock.js.deno import find_deno

HELD = {
    "type": "object",
    "required": ["step"],
    "properties": {"step": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
}
RULE = {"type": "TRACK", "key": "Step Done", "version": 1, "jsonSchema": {"properties": {"properties": HELD}}}
PROGRAM = """
import { Analytics } from "@segment/analytics-node";
import { Tracking } from "./tracking.ts";

const client = new Analytics({ writeKey: KEY, host: URL });
const tracking = new Tracking(client);
tracking.stepDone({ step: 1, kind: "a" }, { userId: "u", messageId: "generated-1" });
tracking.stepDoneV2({ step: 2 }, { anonymousId: "a", messageId: "generated-2" });
tracking.identify({ email: "a@example.com" }, { userId: "u", messageId: "generated-3" });
await client.closeAndFlush({ timeout: 60_000 });
"""


def test_events_of_a_generated_client_are_in_the_warehouse(stage, node_folder, slug):
    traits = {"type": "object", "properties": {"email": {"type": "string"}}}
    identify = {"type": "IDENTIFY", "version": 1, "jsonSchema": {"properties": {"traits": traits}}}
    (node_folder / "tracking.ts").write_text(module_of([RULE, RULE | {"version": 2}, identify], "Shop", "node"))
    program = PROGRAM.replace("KEY", repr(stage.key(slug))).replace("URL", repr(stage.url))
    (node_folder / "generated.ts").write_text(program)
    command = [str(find_deno()), "run", "--check", "--cached-only", "--allow-net=127.0.0.1", "--allow-env", "--quiet"]
    done = subprocess.run(
        [*command, "generated.ts"],
        cwd=node_folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert stage.loaded(slug) == {"generated-1": 1, "generated-2": 1}
    schema = slug.replace("-", "_")
    assert stage.instance.sql(f"select step, kind from {schema}.step_done order by step") == [
        {"step": 1, "kind": "a"},
        {"step": 2, "kind": None},
    ]
    assert stage.instance.sql(f"select email from {schema}.identifies") == [{"email": "a@example.com"}]
