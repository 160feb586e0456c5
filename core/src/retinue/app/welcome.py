"""The page at ``/`` where no plugin serves one: what this is and where to go on."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import Response

from retinue.web import API_PREFIX, PUBLIC, get

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Retinue</title>
</head>
<body>
<main>
<h1>Retinue is running</h1>
<p>Version {version}. This installation answers over its HTTP API; no plugin with pages is enabled.</p>
<ul>
<li><a href="{api}/openapi.json">The API of this installation, as an OpenAPI 3.1 document</a></li>
<li><a href="/healthz">Is it alive?</a> <a href="/readyz">Is it ready?</a></li>
</ul>
<h2>First steps</h2>
<ol>
<li>Sign in: <code>POST {api}/sessions</code> with <code>login</code> and <code>password</code>.</li>
<li>List contacts: <code>GET {api}/contacts?q=novak&amp;sort=name</code>.</li>
<li>On the machine itself: <code>retinue contacts list</code>, <code>retinue --help</code>.</li>
</ol>
</main>
</body>
</html>
"""


@get("/", permission=PUBLIC)
def welcome() -> Response[Any]:
    """Show that the installation runs, and where its API is described."""
    return Response(_PAGE.format(version=version("retinue"), api=API_PREFIX), media_type="text/html")
