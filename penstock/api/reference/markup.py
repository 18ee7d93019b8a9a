"""Pieces of HTML. Whatever comes from a document is escaped here."""

import re
from html import escape

__all__ = ["escape", "paragraphs", "row", "tag"]


def tag(name: str, content: str, **attributes: str) -> str:
    """`content` is HTML already; attributes are text."""
    written = "".join(f' {key.strip("_")}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{content}</{name}>"


def paragraphs(text: str) -> str:
    """The little Markdown that docstrings use: paragraphs, `code` and **stress**."""
    return "".join(tag("p", _inline(" ".join(each.split()))) for each in text.split("\n\n") if each.strip())


def row(*cells: str) -> str:
    return tag("tr", "".join(tag("td", cell) for cell in cells))


def _inline(text: str) -> str:
    found = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", found)
