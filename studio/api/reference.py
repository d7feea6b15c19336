"""The API's description as a page to read, made from its schema: no scripts, nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .4rem }
h2 { margin-top: 2.5rem; font-size: 1.15rem } b { font-weight: 600 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem }
tr + tr { border-top: 1px solid #8886 }
"""


def page(schema: dict[str, Any]) -> str:
    """HTML for people."""
    schemas = schema["components"]["schemas"]
    parts = [
        _operation(path, method, operation, schemas)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(f"{schema['info']['title']}: API")
    about = escape(schema["info"]["description"].replace("`", ""))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{about}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>' + "".join(parts) + "</main></body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    about = escape(operation["description"].replace("`", ""))
    head = f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{about}</p>"
    content = operation.get("requestBody", {}).get("content", {})
    parts = [_body(kind, schemas[one["schema"]["$ref"].rpartition("/")[2]], schemas) for kind, one in content.items()]
    return head + "".join(parts)


def _body(kind: str, schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    wanted = schema.get("required", [])
    rows = [
        f"<tr><td><code>{name}</code>{' <b>needed</b>' if name in wanted else ''}</td>"
        f"<td>{escape(_type(field))}</td><td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    ]
    examples = "".join(
        f"<pre>{escape(json.dumps(one, indent=1, ensure_ascii=False))}</pre>" for one in schema.get("examples", ())
    )
    return f"<p><code>{escape(kind)}</code></p><table>{''.join(rows)}</table>{examples}"


def _type(field: dict[str, Any]) -> str:
    """A field's type in a word or two."""
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field:
        return ", ".join(str(word) or "empty" for word in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    limits = [f"{field[name]:.10g}" for name in ("minimum", "maximum") if name in field]
    default = f", {field['default']!r} if not given" if field.get("default") not in (None, "", {}) else ""
    return f"{field.get('type', 'any')}{' ' + ' to '.join(limits) if limits else ''}{default}"
