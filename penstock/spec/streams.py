"""The streams and buckets of an installation: their names and subjects, from the number of shards."""

FACTS = "FACTS"
SNAPSHOTS = "snapshots"
"""Name of the bucket that snapshots stand in."""
FUNCTION_LOGS = "FUNCTION_LOGS"
"""Name of the one stream that stands in memory, whatever the others do."""
FUNCTION_LOGS_SUBJECTS = ("function_logs.>",)


def accepted(shard: int) -> str:
    return f"ACCEPTED-{shard}"


def accepted_subject(shard: int, writer: str) -> str:
    return f"accepted.{shard}.{writer}"


def routed(shard: int) -> str:
    return f"ROUTED-{shard}"


def routed_subject(shard: int) -> str:
    return f"routed.{shard}"


def delivery(shard: int) -> str:
    return f"DELIVERY-{shard}"


def delivery_subject(shard: int, name: str) -> str:
    """`name`: `settled`, `members`, `retry.<rung>` or `quarantine.<holder>`."""
    return f"delivery.{shard}.{name}"


def function_logs_subject(workspace_id: str, function_id: str) -> str:
    """`function_id` may be `*`: all functions of the workspace."""
    return f"function_logs.{workspace_id}.{function_id}"


def streams(shards: int) -> dict[str, tuple[str, ...]]:
    """Every stream of events and facts with the subjects that it takes."""
    found: dict[str, tuple[str, ...]] = {FACTS: ("facts.>",)}
    for shard in range(shards):
        found[accepted(shard)] = (f"accepted.{shard}.*",)
        found[routed(shard)] = (routed_subject(shard),)
        found[delivery(shard)] = (f"delivery.{shard}.>",)
    return found
