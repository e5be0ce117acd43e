"""What REST and XML-RPC have in common: who sends a request, from where, and its body within limits."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

from burble.commands.base import Administered
from burble.commands.permissions import RemoteCaller
from burble.faces.doorkeeper import Doorkeeper, client_address
from burble.faces.refusals import Refused

__all__ = ["Intake"]

# How long somebody who sends too much is listened to, so that the answer is not lost, seconds.
_PATIENCE: Final = 5.0


class Intake:
    """Takes in requests.

    Args:
        server: whom they are for.
    """

    def __init__(self, server: Administered) -> None:
        self.server = server
        self.doorkeeper = Doorkeeper(server)

    async def caller(self, request: Request, interface: str) -> RemoteCaller:
        """Who sends a request.

        Args:
            request: it.
            interface: which one it came to.

        Raises:
            Refused: it comes from a page of another site, or the caller could not prove who it is.
        """
        _check_origin(request)
        peer = request.client.host if request.client is not None else None
        address = client_address(peer, request.headers, self.server.settings.api.proxies)
        return await self.doorkeeper.identify(
            RemoteCaller(interface, address), request.headers.get("authorization")
        )

    async def body(self, request: Request) -> bytes:
        """The body of a request.

        Raises:
            Refused: it is too long, or takes too long, or the caller has gone.
        """
        api = self.server.settings.api
        try:
            async with asyncio.timeout(api.body_timeout):
                return await _read(request, api.body_bytes)
        except TimeoutError:
            raise Refused(
                408, "bad-request", f"the body took more than {api.body_timeout:g} s", headers=_CLOSE
            ) from None
        except ClientDisconnect:
            raise Refused(400, "bad-request", "the body does not end") from None


_CLOSE: Final = {"Connection": "close"}


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    parts: list[bytes] = []
    size = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0
    stream = request.stream()
    if size <= limit:
        size = 0
        async for chunk in stream:
            size += len(chunk)
            if size > limit:
                break
            parts.append(chunk)
        else:
            return b"".join(parts)
    try:
        # Whoever is still sending would not see an answer before it has sent all.
        async with asyncio.timeout(_PATIENCE):
            async for _ in stream:
                pass
    except TimeoutError:
        pass
    raise Refused(
        413,
        "bad-request",
        f"a request has at most {limit} bytes (api.body_bytes in the settings)",
        headers=_CLOSE,
    )


def _check_origin(request: Request) -> None:
    """Refuse what a page of another site makes a browser send, with a password the browser may remember."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(
            403,
            "not-allowed",
            f"the page of another site, {origin}, may not call commands",
            rule="same origin",
            remedy="calling from a program, or from the page /api/docs of this server",
        )
