"""External authentication by an HTTP service.

Each question is a request of its own, to the service's URL with a slash and the operation behind it; its
fields are ``user``, ``server`` (the virtual host) and ``pass``. The answer is the JSON value ``true`` or
``false``.
"""

import asyncio
import logging
import ssl
from typing import Final

import httpx

from burble.auth.base import AuthenticatorUnavailable
from burble.auth.external import Outside

_log = logging.getLogger("burble.auth")

_LONGEST: Final = 1024
"""Bytes of an answer; more than that is none."""

_KEPT_OPEN: Final = 2.0
"""Seconds a connection waits for the next question: less than servers keep theirs open, so that none is sent
into a connection that is just being closed."""

_REFUSED: Final = frozenset({403, 404, 409})


class HttpService(Outside):
    """Asks an HTTP service.

    Questions are answered with status 200. Changes are too, or with 201 or 204 for done, 403, 404 or 409 for
    refused. Whatever else comes, a redirect too, is no answer.

    Args:
        url: where it is.
        host: the virtual host, told to the service with each question.
        verb: ``POST`` sends JSON objects; ``GET`` asks with a query and posts changes as forms.
        authorization: the header ``Authorization`` to send, or None.
        connections: most connections to it.
        timeout: how long an answer may take, seconds.
    """

    def __init__(
        self,
        url: str,
        host: str,
        *,
        verb: str = "POST",
        authorization: str | None = None,
        connections: int = 10,
        timeout: float = 10.0,
    ) -> None:
        self._url = url.rstrip("/")
        self._host = host
        self._verb = verb
        self._timeout = timeout
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Burble"}
        if authorization is not None:
            self._headers["Authorization"] = authorization
        # The bare transport, and not a client: that would log URLs, which may hold passwords, carry cookies
        # from one account's questions to another's, and heed proxies.
        self._transport = httpx.AsyncHTTPTransport(
            verify=ssl.create_default_context(),
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_KEPT_OPEN,
            ),
        )

    async def check_password(self, user: str, password: str) -> bool:
        return await self._question("check_password", {"user": user, "pass": password})

    async def exists(self, user: str) -> bool:
        return await self._question("user_exists", {"user": user})

    async def register(self, user: str, password: str) -> bool:
        return await self._change("register", {"user": user, "pass": password})

    async def set_password(self, user: str, password: str) -> bool:
        return await self._change("set_password", {"user": user, "pass": password})

    async def remove(self, user: str, password: str | None = None) -> bool:
        """Ask ``remove_user``, or ``remove_user_validate``, which checks a password."""
        if password is None:
            return await self._change("remove_user", {"user": user})
        return await self._change("remove_user_validate", {"user": user, "pass": password})

    async def close(self) -> None:
        await self._transport.aclose()

    async def _question(self, operation: str, fields: dict[str, str]) -> bool:
        status, answer = await self._send(operation, fields, question=True)
        truth = _truth(answer) if status == 200 else None
        if truth is None:
            raise self._unavailable(operation, _shown(status, answer))
        return truth

    async def _change(self, operation: str, fields: dict[str, str]) -> bool:
        status, answer = await self._send(operation, fields, question=False)
        if status in _REFUSED:
            return False
        truth = True if status in (201, 204) else _truth(answer) if status == 200 else None
        if truth is None:
            raise self._unavailable(operation, _shown(status, answer))
        return truth

    async def _send(self, operation: str, fields: dict[str, str], *, question: bool) -> tuple[int, bytes]:
        request = self._request(operation, {**fields, "server": self._host}, question=question)
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._exchange(request)
                except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                    # The service may have closed the connection just when it was used again.
                    if not question:
                        raise
                    return await self._exchange(request)
        except TimeoutError as error:
            raise self._unavailable(operation, f"no answer within {self._timeout:g} s") from error
        except httpx.TransportError as error:
            raise self._unavailable(operation, str(error) or type(error).__name__) from error

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        response = await self._transport.handle_async_request(request)
        try:
            return response.status_code, await _start_of(response)
        finally:
            await response.aclose()

    def _request(self, operation: str, fields: dict[str, str], *, question: bool) -> httpx.Request:
        url = f"{self._url}/{operation}"
        if self._verb == "POST":
            return httpx.Request("POST", url, json=fields, headers=self._headers)
        if question:
            return httpx.Request("GET", url, params=fields, headers=self._headers)
        return httpx.Request("POST", url, data=fields, headers=self._headers)

    def _unavailable(self, operation: str, reason: str) -> AuthenticatorUnavailable:
        _log.warning("%s: %s/%s: %s", self._host, self._url, operation, reason)
        return AuthenticatorUnavailable("the accounts are kept by a service, which does not answer now")


async def _start_of(response: httpx.Response) -> bytes:
    """Read a body, but not much more of it than an answer can have."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _LONGEST:
            break
    return body


def _truth(answer: bytes) -> bool | None:
    return {b"true": True, b"false": False}.get(answer.strip())


def _shown(status: int, answer: bytes) -> str:
    return f"status {status} with {answer[:40]!r} is no answer"
