"""The whole page: what to know first, every operation by tag, every schema; a search beside them."""

from typing import Any

from penstock.api.openapi.command_table import Row, command_table
from penstock.api.openapi.operations import by_tag
from penstock.api.reference.markup import escape, paragraphs, tag
from penstock.api.reference.operations import Operations
from penstock.api.reference.schemas import section_of


def page_of(document: dict[str, Any], style: str, script: str) -> str:
    writer = Operations(document, commands_of(document))
    navigation, content = [], [_opening(document)]
    for slug, name, about, operations in by_tag(document):
        links = []
        content.append(tag("section", tag("h2", escape(name)) + paragraphs(about), id=f"tag-{slug}", class_="tag"))
        for each in operations:
            told = document["paths"][each.path][each.method.lower()]
            content.append(writer.section(each.path, each.method.lower(), told))
            label = tag("span", each.method, class_=f"method {each.method.lower()}") + escape(_spoken(each.function))
            links.append(tag("li", tag("a", label, href=f"#{each.id}")))
        heading = tag("a", escape(name), href=f"#tag-{slug}")
        navigation.append(tag("nav", heading + tag("ul", "".join(links))))
    schemas = (section_of(name, schema) for name, schema in document["components"]["schemas"].items())
    content.append(tag("h2", "Schemas", id="schemas") + "".join(schemas))
    search = '<input type="search" id="search" placeholder="Search operations ( / )" aria-label="Search operations">'
    aside = tag("a", "Penstock API", href="#top", class_="title") + search + "".join(navigation)
    body = tag("aside", aside) + tag("main", "".join(content)) + tag("script", script)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += tag("title", "Penstock API") + tag("style", style)
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def _spoken(function: str) -> str:
    return function.replace("_", " ").capitalize()


def _opening(document: dict[str, Any]) -> str:
    link = tag("p", tag("a", "The same as an OpenAPI 3.1 document", href="/openapi.json"))
    title = tag("h1", escape(document["info"]["title"]) + " API")
    return tag("section", title + paragraphs(document["info"]["description"]) + link, id="top")


def commands_of(document: dict[str, Any]) -> dict[str, str]:
    """How each operation is asked on the command line."""
    methods = {each.function: each.id for _, _, _, operations in by_tag(document) for each in operations}
    return {
        methods[row["method"]]: _command(group["name"], row)
        for group in command_table(document)
        for row in group["commands"]
    }


def _command(group: str, row: Row) -> str:
    flags = [each for each in (*row["query"], *row.get("body", [])) if each.get("is_required")]
    words = [name.strip("_").upper() for name in row["arguments"]]
    given = [f"--{each['flag']}" + ("" if each["kind"] == "boolean" else " …") for each in flags]
    return " ".join(["penstock", group, row["name"], *words, *given])
