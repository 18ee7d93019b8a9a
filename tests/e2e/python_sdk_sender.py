"""Sends events with the unmodified segment-analytics-python, as a program of a user would: `sender.py URL KEY COUNT`.

Prints one JSON line per event handed to the SDK: its type, message id and body. Ends with status 1 where the SDK
reports an error.
"""

import json
import sys
from datetime import UTC, datetime

from segment.analytics.client import Client


def call(client, number):
    """One call of each kind in turn."""
    user = f"user-{number % 50}"
    match number % 7:
        case 0:
            return client.track(user, "Order Completed", {"total": 27.5, "orderId": f"o-{number}", "n": number})
        case 1:
            return client.identify(user, {"email": f"{user}@example.test", "plan": "pro", "logins": number})
        case 2:
            return client.page(user, "docs", "Home", {"url": "https://example.test/", "search": ""})
        case 3:
            return client.screen(user, "app", "Settings", {"tabIndex": number})
        case 4:
            return client.group(user, "group-1", {"name": "Initech", "employeeCount": 329})
        case 5:
            return client.alias(f"anonymous-{number}", user)
    at = datetime(2024, 5, 1, tzinfo=UTC)
    return client.track(None, "Signed Up", {"signedUpAt": at}, anonymous_id=f"a-{number}")


def main() -> int:
    url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    errors = []
    client = Client(key, host=url, on_error=lambda error, _: errors.append(str(error)), gzip=True, max_queue_size=count)
    for number in range(count):
        _, message = call(client, number)
        print(json.dumps({"type": message["type"], "messageId": message["messageId"], "event": message.get("event")}))
    client.flush()
    client.join()
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
