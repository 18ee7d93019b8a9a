from penstock.testing.commands import commands

__all__ = ["commands"]
