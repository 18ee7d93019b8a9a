"""One operation on the page: how it is asked, by HTTP and on the command line, and what it answers."""

import json
from typing import Any

from penstock.api.reference.markup import escape, paragraphs, row, tag
from penstock.api.reference.schemas import Schema, field_row, fields_of, type_of

JSON = "application/json"


class Operations:
    """Writes operations of one document. `commands` are its commands by operation."""

    def __init__(self, document: dict[str, Any], commands: dict[str, str]) -> None:
        self._components: dict[str, Any] = document["components"]
        self._commands = commands

    def section(self, path: str, method: str, told: dict[str, Any]) -> str:
        title = tag("span", method.upper(), class_=f"method {method}") + tag("code", escape(path))
        parts = [
            tag("h3", tag("a", title, href=f"#{told['operationId']}")),
            paragraphs(told["description"]),
            self._facts(told),
            self._parameters(told["parameters"]),
            self._body(told.get("requestBody")),
            self._answers(told["responses"]),
            self._example(path, method, told),
        ]
        return tag("section", "".join(parts), id=told["operationId"], class_="operation")

    def _facts(self, told: dict[str, Any]) -> str:
        limit = told["x-rate-limit"]
        window = "a minute" if limit["seconds"] == 60 else f"in {limit['seconds']} s"
        facts = [
            ("Operation", tag("code", told["operationId"])),
            ("Needs", " ".join(tag("code", escape(each)) for each in told["x-permissions"])),
            ("Limit", f"{limit['requests']} {window}, for each token"),
            ("Versions", escape(", ".join(told["x-versions"]))),
        ]
        if "x-audit-events" in told:
            facts.append(("Audited as", escape("; ".join(told["x-audit-events"]))))
        return tag("dl", "".join(tag("div", tag("dt", name) + tag("dd", value)) for name, value in facts))

    def _parameters(self, parameters: list[Schema]) -> str:
        rows = []
        for each in parameters:
            found = self._components["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            schema = found.get("schema") or found["content"][JSON]["schema"]
            about = {"description": found["description"]} if "description" in found else {}
            rows.append(field_row(found["name"], {**schema, **about}, is_required=found.get("required", False)))
        return tag("h5", "Path and query") + tag("table", "".join(rows)) if rows else ""

    def _body(self, body: dict[str, Any] | None) -> str:
        if body is None:
            return ""
        content = {media_type: found["schema"] for media_type, found in body["content"].items()}
        shown = tag("h5", "Body") + fields_of(self._resolved(content[JSON]))
        others: dict[str, list[str]] = {}
        for media_type, schema in content.items():
            if schema != content[JSON]:
                others.setdefault(type_of(schema), []).append(tag("code", escape(media_type)))
        for named, media_types in others.items():
            shown += tag("p", f"With {', '.join(media_types)}: {named}.", class_="other")
        return shown

    def _answers(self, responses: dict[str, Any]) -> str:
        rows = []
        for status, response in responses.items():
            found = response
            if "$ref" in response:
                found = self._components["responses"][response["$ref"].rpartition("/")[2]]
            rows.append(row(tag("code", status), self._answer(status, found), paragraphs(found["description"])))
        good = sum(status < "3" for status in responses)
        failures = tag("details", tag("summary", "Failures") + tag("table", "".join(rows[good:])))
        return tag("h5", "Answers") + tag("table", "".join(rows[:good])) + failures

    def _answer(self, status: str, response: dict[str, Any]) -> str:
        schemas = [found["schema"] for found in response["content"].values()]
        if status >= "3":
            return type_of(schemas[0])
        return " | ".join(dict.fromkeys(type_of(each["properties"]["data"]) for each in schemas))

    def _example(self, path: str, method: str, told: dict[str, Any]) -> str:
        lines = [f"curl {'' if method == 'get' else f'-X {method.upper()} '}http://127.0.0.1:8280{path} \\"]
        lines.append('  -H "Authorization: Bearer $TOKEN"')
        body = told.get("requestBody")
        if body:
            sample = json.dumps(self._sample(body["content"][JSON]["schema"]), ensure_ascii=False)
            lines[-1] += " \\"
            lines += ["  -H 'Content-Type: application/json' \\", f"  -d '{sample}'"]
        text = "\n".join([*lines, "", self._commands[told["operationId"]]])
        return tag("pre", escape(text, quote=False))

    def _sample(self, schema: Schema) -> Any:
        """A value of the shape: what is required, else the first field."""
        schema = self._resolved(schema)
        if "enum" in schema or "const" in schema:
            return (schema.get("enum") or [schema["const"]])[0]
        if "anyOf" in schema:
            return self._sample(schema["anyOf"][0])
        if schema.get("type") == "array":
            return [self._sample(schema.get("items", {}))]
        if schema.get("type") == "object":
            properties: dict[str, Schema] = schema.get("properties", {})
            names = schema.get("required") or list(properties)[:1]
            return {name: self._sample(properties[name]) for name in names}
        return {"string": "…", "integer": 1, "number": 1.5, "boolean": True}.get(schema.get("type", ""))

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        found: Schema = self._components["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
