"""Tell a web service: a request for each notice."""

from __future__ import annotations

import ssl
from typing import Final, Literal

import httpx

from burble.modules.presence_hooks.notices import Notice, NotTold, Refused

__all__ = ["Service"]

#: The answers that say no more than "not now".
_LATER: Final = frozenset({408, 425, 429})
#: Bytes of an answer that are read.
_LONGEST: Final = 65_536


class Service:
    """A web service.

    Args:
        url: where it is; the notice's name is put behind it, after a slash.
        style: ``json`` posts an object of all that is known; ``social-stream`` gets, with the fields ``name``
            (the account's localpart), ``status`` and ``password`` in the URL.
        password: for ``social-stream``.
        authorization: the header ``Authorization`` to send, or None.
        connections: most connections to it.
    """

    def __init__(
        self,
        url: str,
        *,
        style: Literal["json", "social-stream"],
        password: str,
        authorization: str | None,
        connections: int,
    ) -> None:
        self._url = url.rstrip("/")
        self._style = style
        self._password = password
        self._headers = {"Accept": "*/*", "User-Agent": "Burble"}
        if authorization is not None:
            self._headers["Authorization"] = authorization
        # The bare transport, and not a client: that would log URLs, which may hold the password, keep
        # cookies, and heed proxies.
        self._transport = httpx.AsyncHTTPTransport(
            verify=ssl.create_default_context(),
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=2.0
            ),
        )

    def __str__(self) -> str:
        return self._url

    async def tell(self, notice: Notice) -> None:
        """Send a notice and wait for the answer; any status from 200 to 299 is a good one.

        Raises:
            NotTold: there is no such answer.
            Refused: the service does not take this notice.
        """
        try:
            response = await self._transport.handle_async_request(self._request(notice))
            await _read(response)
        except httpx.TransportError as error:
            raise NotTold(f"can't be asked: {str(error) or type(error).__name__}") from error
        status = response.status_code
        if 200 <= status < 300:
            return
        if status < 500 and status not in _LATER:
            raise Refused(f"refused {notice.name} with status {status}")
        raise NotTold(f"answered with status {status}")

    def _request(self, notice: Notice) -> httpx.Request:
        url = f"{self._url}/{notice.name}"
        if self._style == "social-stream":
            fields = {"password": self._password}
            if notice.jid:
                fields["name"] = notice.jid.partition("@")[0]
            if notice.show:
                fields["status"] = notice.social_status
            return httpx.Request("GET", url, params=fields, headers=self._headers)
        body = {"event": notice.name, "host": notice.host}
        if notice.jid:
            body["jid"] = notice.jid
        if notice.show:
            body |= {"show": notice.show, "status": notice.status}
        return httpx.Request("POST", url, json=body, headers=self._headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _read(response: httpx.Response) -> None:
    """Read an answer that nobody needs, so that its connection can be used again; but not much of it."""
    length = 0
    async for chunk in response.aiter_raw():
        length += len(chunk)
        if length > _LONGEST:
            break
    await response.aclose()
