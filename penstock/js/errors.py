"""Errors of the runners; the class decides what follows.

RunnersError
├── RunnerLost         the process ended under its calls: try again
├── RequestTooLarge    the request does not fit a line: no try can help
├── DenoMissing        the program is not to be found: nothing runs
├── BundleMissing      the bundled host is not built: nothing runs
└── BuildFailed        the bundle cannot be made
"""


class RunnersError(Exception):
    """Something about the runners went wrong."""


class RunnerLost(RunnersError):  # noqa: N818 - the consequence is in the name
    """The runner ended, or its line broke, before it answered."""


class RequestTooLarge(RunnersError):  # noqa: N818
    """The request is longer than a line may be."""


class DenoMissing(RunnersError):  # noqa: N818
    """Deno is neither beside this Python nor on the PATH."""


class BundleMissing(RunnersError):  # noqa: N818
    """`penstock/js/bundle/runner.js` does not exist."""


class BuildFailed(RunnersError):  # noqa: N818
    """A step of the build ended badly."""
