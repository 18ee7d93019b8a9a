"""How a call can end badly.

Errors:
    CallError
    ├── RoleDown        nobody answers to the role: nothing was done (503 naming it)
    ├── CallTimedOut    no answer before the deadline, or the connection was lost: it may have been done
    └── CallFailed      the role answered that it failed; `code` is bounded, `message` is for people
"""


class CallError(Exception):
    """Base of everything that a call raises. `role` is who was asked."""

    def __init__(self, role: str, message: str) -> None:
        super().__init__(message)
        self.role = role


class RoleDown(CallError):  # noqa: N818 - the name says what is so
    """Nobody listens; nothing was done."""

    def __init__(self, role: str, reason: str = "it does not run") -> None:
        super().__init__(role, f"{role} is down: {reason}")


class CallTimedOut(CallError):  # noqa: N818
    """The answer did not come; what was asked may have been done."""


class CallFailed(CallError):  # noqa: N818
    """The role says no. Handlers raise it to choose the code; what else they raise has the code `internal`."""

    def __init__(self, code: str, message: str, role: str = "") -> None:
        super().__init__(role, message)
        self.code = code
        self.message = message
