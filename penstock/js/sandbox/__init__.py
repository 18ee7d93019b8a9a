"""Foreign JavaScript: Deno processes that hold no permission at all (sandbox.md)."""

from penstock.js.sandbox.process import Ending, Fetcher, Limits, Sandbox, SandboxLost, Unloadable
from penstock.js.sandbox.protocol import Exchanged, Ran, Thrown, Wish
from penstock.js.sandbox.syntax import SyntaxProblem, find_syntax_problem

__all__ = [
    "Ending",
    "Exchanged",
    "Fetcher",
    "Limits",
    "Ran",
    "Sandbox",
    "SandboxLost",
    "SyntaxProblem",
    "Thrown",
    "Unloadable",
    "Wish",
    "find_syntax_problem",
]
