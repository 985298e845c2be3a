"""The API's documentation as a page of its own: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(described: dict[str, Any]) -> str:
    """`described` (OpenAPI) as HTML."""
    environment = Environment(
        loader=PackageLoader("serving.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2)
    return environment.get_template("docs.html.j2").render(api=described, name=_name_of)


def _name_of(schema: dict[str, Any]) -> str:
    """The type of a schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_name_of(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_name_of(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    return str(schema.get("type", "any"))
