"""The application behind the HTTP listeners: REST, XML-RPC, and what is said of anything else.

Only where HTTP is turned on is this imported, since what it needs takes a while to import.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from burble.commands import Registry
from burble.commands.base import Administered
from burble.faces.refusals import Refused
from burble.faces.requests import Intake
from burble.faces.rest import Rest, answer_error
from burble.faces.xmlrpc import XmlRpc

__all__ = ["Embedded", "applications"]

# How long the server's stop waits for calls under way, seconds.
_PATIENCE: Final = 5
# Connections at a time; further ones are answered 503.
_CONNECTIONS: Final = 1000


class Embedded(uvicorn.Server):
    """uvicorn as a part of this server: signals are left to the process.

    Args:
        application: what it serves.

    Attributes:
        ready: set when it answers.
    """

    def __init__(self, application: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                # Whom proxies speak for is settled in `burble.faces.doorkeeper`.
                proxy_headers=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_PATIENCE,
            )
        )
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def applications(server: Administered, registry: Registry) -> dict[str, Starlette]:
    """The applications for a server.

    Args:
        server: whom they administer.
        registry: its commands.

    Returns:
        By the key in ``[listen]``: the one with everything, and the one with XML-RPC at any path.
    """
    intake = Intake(server)
    xmlrpc = XmlRpc(intake, registry)
    routes = [
        *Rest(intake, registry).routes,
        Route("/xmlrpc", xmlrpc.answer, methods=["POST"]),
        Route("/RPC2", xmlrpc.answer, methods=["POST"]),
    ]
    only_xmlrpc = [Route("/{path:path}", xmlrpc.answer, methods=["POST"])]
    return {"http": _application(routes), "xmlrpc": _application(only_xmlrpc)}


def _application(routes: list[Route]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={Refused: _refused, HTTPException: _no_such_page})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answer_error(error)


async def _no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hint = "commands are at POST /api/COMMAND, and the page to try them at /api/docs"
    headers = dict(error.headers or {})
    text = f"{error.detail.lower()}; {hint}"
    return answer_error(Refused(error.status_code, "bad-request", text, headers=headers))
