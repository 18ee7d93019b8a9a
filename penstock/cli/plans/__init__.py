"""`penstock plan`: tracking plans made from something, and things made from tracking plans."""

from penstock.cli.plans.commands import plan

__all__ = ["plan"]
