"""How pages are made: templates that escape whatever is put into them, and files of our own.

Nothing on a page comes from elsewhere, and no script or style stands in it: the policy that goes
with every page forbids both, so that what a program has printed stays text whatever it says.
"""

from __future__ import annotations

import hashlib
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pyinit import __version__
from pyinit.web import rows

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

HERE = Path(__file__).parent
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
CAREFUL = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FRESH = {**CAREFUL, "Cache-Control": "no-store"}


def page(template: str, status: int = 200, **facts: object) -> HTMLResponse:
    """Return a page made of a template and what it asks for."""
    made = _templates().get_template(template).render(facts)
    return HTMLResponse(made, status, FRESH)


async def static(request: Request) -> Response:
    """Answer with one of our own files; only those are known, so no path leads elsewhere."""
    found = _files().get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("not found\n", 404, CAREFUL)
    content, kind, mark = found
    kept = request.query_params.get("v") == mark
    age = "public, max-age=31536000, immutable" if kept else "no-cache"
    headers = {**CAREFUL, "Cache-Control": age, "ETag": f'"{mark}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    return Response(content, 200, headers, media_type=kind)


def place_of(name: str) -> str:
    """Return where a page finds one of our files; it changes with its content."""
    return f"static/{name}?v={_files()[name][2]}"


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    found = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in KINDS:
            content = path.read_bytes()
            mark = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = (content, KINDS[path.suffix], mark)
    return found


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # not for programs

    made = Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["place_of"] = place_of
    made.globals["version"] = __version__
    made.filters["span"] = rows.span
    made.filters["moment"] = _moment
    return made


def _moment(at: float) -> str:
    """Return a time as a machine reads it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
