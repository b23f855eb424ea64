"""What a person or a monitor sees with plain HTTP."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from aiohttp import web

from rejoinder.reload import Refusal
from rejoinder.routes import Route, Routes


def _json(status: int, content: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content) + b"\n", content_type="application/json")


def home(routes: Routes, base: str) -> web.Response:
    """`GET /` on loopback: what there is to talk to."""
    rows = [f"  {base}{dialled_path(one):<28} -> {one.agent_config.name}" for _, one in sorted(routes.routes.items())]
    text = f"Rejoinder {version('rejoinder')}\n\nRoutes (a voice platform dials ROUTE/CALL_ID over WebSocket):\n"
    return web.Response(text=text + "\n".join(rows) + "\n\nTry one in a terminal:  rejoinder chat ROUTE\n")


def route_page(route: Route, url: str, pasted: str) -> web.Response:
    """A browser's GET on a route: it is there, but does not speak HTTP (RFC 9110, section 15.5.22)."""
    text = (
        f"This is the route {route.path} of a Rejoinder server, and it works: it speaks WebSocket.\n\n"
        f"Try it in a terminal:  rejoinder chat {url}\n"
        f"Paste into the voice platform's dashboard:  {pasted}\n"
    )
    return web.Response(status=426, text=text, headers={"Upgrade": "websocket", "Connection": "Upgrade"})


def dialled_path(route: Route) -> str:
    """The path of a route as it is dialled, with its secret masked."""
    return route.config.door.masked(route.path)


def not_found(routes: Routes, *, tell: bool) -> web.Response:
    """There is no such route, or its door stays shut; `tell` says which there are (to nobody from outside).

    What was asked for is not said again: it may hold a secret.
    """
    known = ", ".join(dialled_path(route) for _, route in sorted(routes.routes.items()))
    return web.Response(status=404, text=f"There is no such route.{f' The routes are: {known}.' if tell else ''}\n")


def health(
    routes: Routes,
    refused: Refusal | None,
    calls: int,
    held: Mapping[str, int],
    *,
    draining: bool,
    tell: bool,
    unrecorded: int = 0,
) -> web.Response:
    """`/healthz`: the process lives. What was refused in a reload is told in full only on loopback (`tell`)."""
    content: dict[str, Any] = {
        "status": "ok",
        "version": version("rejoinder"),
        "generation": routes.generation,
        "calls": calls,
        "draining": draining,
        "unrecorded": unrecorded,
        "last_refused_reload": None,
    }
    if tell:
        content["held"] = dict(held)
    if refused is not None:
        reasons = {"reasons": list(refused.reasons)} if tell else {}
        content["last_refused_reload"] = {"at": refused.at, "problems": len(refused.reasons), **reasons}
    return _json(200, content)


def readiness(routes: Routes, *, draining: bool) -> web.Response:
    """`/readyz`: 200 while any route answers (one broken plugin must not take the others out of a balancer), else 503; 503 too
    as soon as nothing new is let in."""
    broken = routes.broken_routes
    answers = len(broken) < len(routes.routes)
    status = "draining" if draining else "broken" if not answers else "degraded" if broken else "ready"
    content = {"status": status, "routes": len(routes.routes), "broken": broken}
    return _json(200 if answers and not draining else 503, content)
