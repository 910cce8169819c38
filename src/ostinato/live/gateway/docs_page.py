"""A page for people: each path, what it does, a command to try it. No script, no network."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final
from urllib.parse import quote

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1rem; margin: 2rem 0 .25rem }
h2 code { font-size: 1rem } .method { display: inline-block; min-width: 3.5rem; color: #0b5394 }
p { margin: .25rem 0 } pre { background: #f4f4f4; padding: .75rem; overflow-x: auto }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #1a1a1a } pre { background: #2a2a2a }
  a, .method { color: #8ab4f8 }
}
"""


def page(document: dict[str, Any], address: str) -> str:
    """Return the page of an OpenAPI document, HTML; `address` is where the service listens."""
    title = escape(document["info"]["title"])
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        f"<p>{escape(document['info']['description'])} Version",
        f'{escape(document["info"]["version"])}. Machines read <a href="openapi.json">',
        "openapi.json</a>.</p>",
    ]
    with_token = "security" in document
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_section(path, method, operation, address, with_token=with_token))
    return "\n".join([*parts, "</body>\n</html>\n"])


def _section(
    path: str, method: str, operation: dict[str, Any], address: str, *, with_token: bool
) -> str:
    curl = _curl(address, path, method, operation, with_token=with_token)
    return "\n".join(
        [
            f'<h2><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h2>',
            f"<p>{escape(operation['summary'])}. {escape(operation['description'])}</p>",
            f"<pre>{escape(curl)}</pre>",
        ]
    )


def _curl(
    address: str, path: str, method: str, operation: dict[str, Any], *, with_token: bool
) -> str:
    for parameter in operation.get("parameters", ()):
        values = parameter["schema"].get("enum")
        if parameter["in"] == "path" and values:
            path = path.replace(f"{{{parameter['name']}}}", quote(values[0], safe=""))
    pieces = ["curl" if method == "get" else f"curl -X {method.upper()}"]
    if with_token and operation.get("security") != []:
        pieces.append('-H "Authorization: Bearer $OSTINATO_TOKEN"')
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        if "example" in body:
            example = json.dumps(body["example"], ensure_ascii=False)
            pieces += [f"-H 'Content-Type: {kind}'", f"--data {_quoted(example)}"]
    pieces.append(_quoted(f"{address}{path}"))
    return " \\\n  ".join(pieces)


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\\''")
    return f"'{inner}'"
