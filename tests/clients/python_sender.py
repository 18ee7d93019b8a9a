"""Makes calls with the unmodified segment-analytics-python. Reads one order as JSON, prints what became of each call.

An order: `{"url", "key", "settings", "calls"}`; `settings` go to the client as they are. A line of the answer is the
message as it was handed over (`handed`), or the ids of those that the client gave up (`failed`).
"""

import json
import sys
from datetime import datetime

from segment.analytics.client import Client

NAMES = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
    "messageId": "message_id",
}


def revived(value):
    """JSON has no dates: `{"$date": "…"}` stands for one."""
    return datetime.fromisoformat(value["$date"]) if "$date" in value else value


def tell(**line):
    sys.stdout.write(json.dumps(line, default=str) + "\n")


def main() -> None:
    order = json.loads(sys.stdin.read(), object_hook=revived)
    given_up = []

    def failed(_error, batch):
        given_up.extend(message["messageId"] for message in batch)

    client = Client(order["key"], host=order["url"], on_error=failed, **order["settings"])
    for call in order["calls"]:
        arguments = {NAMES.get(name, name): value for name, value in call.items() if name != "type"}
        try:
            _, message = getattr(client, call["type"])(**arguments)
        except Exception as error:  # noqa: BLE001 - in sync mode the call itself fails
            given_up.append(call.get("messageId", str(error)))
        else:
            tell(handed=message)
    if not client.sync_mode:
        client.flush()
        client.join()
    tell(failed=given_up)


if __name__ == "__main__":
    main()
