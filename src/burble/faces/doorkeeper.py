"""Who calls over HTTP: passwords, tokens, addresses."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from burble.auth import AuthenticatorUnavailable
from burble.commands.base import Administered
from burble.commands.permissions import IPAddress, RemoteCaller
from burble.commands.tokens import Tokens
from burble.config.api import Network
from burble.faces.refusals import Refused, unauthorized
from burble.jid import JID, JIDError
from burble.storage import StorageError

__all__ = ["Doorkeeper", "client_address"]

_log = logging.getLogger("burble.web")

_WINDOW: Final = 60.0


class Doorkeeper:
    """Finds out who calls.

    Args:
        server: whose accounts and tokens count.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server
        self._failures: Counter[str] = Counter()
        self._since = time.monotonic()

    async def identify(self, caller: RemoteCaller, authorization: str | None) -> RemoteCaller:
        """The caller, known by the header ``Authorization`` where there is one.

        Args:
            caller: as far as it is known.
            authorization: the header: Basic with an account's address and password (RFC 7617), or Bearer
                with a token (RFC 6750).

        Raises:
            Refused: they are wrong, or can't be checked now.
        """
        if authorization is None:
            return caller
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            return await self.by_token(caller, value.strip())
        if scheme.lower() != "basic":
            raise unauthorized("the header Authorization is for Basic or Bearer here")
        try:
            name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise unauthorized("the header Authorization can't be read") from None
        if not colon:
            raise unauthorized("the header Authorization can't be read")
        return await self.by_password(caller, name, password)

    async def by_password(self, caller: RemoteCaller, name: str, password: str) -> RemoteCaller:
        """The caller as an account whose password it knows.

        Args:
            caller: as far as it is known.
            name: the account's address.
            password: in clear.

        Raises:
            Refused: it does not, or that can't be found out now.
        """
        self._check_patience(caller.address)
        try:
            jid = JID.parse(name)
        except JIDError:
            jid = None
        host = self._server.hosts.get(jid.domain) if jid is not None and jid.local else None
        if jid is None or host is None or jid.resource:
            raise self._failed(caller, f"expected the address of an account here, name@domain; got {name!r}")
        try:
            right = await host.authenticator.check_password(jid.local, password)
            right = right and not await host.authenticator.is_disabled(jid.local)
        except AuthenticatorUnavailable as error:
            raise Refused(503, "failed", str(error)) from None
        if not right:
            raise self._failed(caller, "the account or its password is wrong")
        return caller.proved(jid)

    async def by_token(self, caller: RemoteCaller, token: str) -> RemoteCaller:
        """The caller as the account that a token stands for, within the token's scopes.

        Args:
            caller: as far as it is known.
            token: as it was issued.

        Raises:
            Refused: the token is not good, or that can't be found out now.
        """
        self._check_patience(caller.address)
        try:
            found = await Tokens(self._server.database).find(token)
            host = self._server.hosts.get(found.account.domain) if found is not None else None
            if found is None or host is None:
                raise self._failed(caller, "the token is not known or has expired")
            user = found.account.local
            if not await host.authenticator.exists(user) or await host.authenticator.is_disabled(user):
                raise self._failed(caller, "the account of the token is disabled or gone")
        except (AuthenticatorUnavailable, StorageError) as error:
            raise Refused(503, "failed", str(error)) from None
        return caller.proved(found.account, found.scopes)

    # ---- guessing

    def _failed(self, caller: RemoteCaller, text: str) -> Refused:
        self._failures[_origin(caller.address)] += 1
        _log.warning("refused somebody at %s by %s: %s", caller.address, caller.interface, text)
        return unauthorized(text)

    def _check_patience(self, address: IPAddress | None) -> None:
        now = time.monotonic()
        if now - self._since >= _WINDOW:
            self._since = now
            self._failures.clear()
        limit = self._server.settings.api.failed_logins
        if self._failures[_origin(address)] >= limit:
            wait = int(self._since + _WINDOW - now) + 1
            raise Refused(
                429,
                "policy-violation",
                f"{limit} wrong passwords or tokens in a minute came from this address; wait {wait} s",
                rule="api.failed_logins",
                remedy=f"waiting {wait} s",
                headers={"Retry-After": str(wait)},
            )


def _origin(address: IPAddress | None) -> str:
    # Whoever has an IPv6 address has the 2^64 beside it as well.
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def client_address(
    peer: str | None, headers: Mapping[str, str], proxies: Sequence[Network]
) -> IPAddress | None:
    """The caller's IP address.

    Args:
        peer: the address that the connection came from.
        headers: of the request.
        proxies: the reverse proxies whose ``X-Forwarded-For`` is believed.

    Returns:
        It, or None where it can't be known: a call that was passed on by somebody else.
    """
    address = _address(peer or "")
    passed_on = headers.get("x-forwarded-for")
    if passed_on is None:
        # A proxy says whom it speaks for; where it does not, its own address says nothing.
        unknown = "forwarded" in headers or _is_in(address, proxies)
        return None if unknown else address
    for hop in reversed(passed_on.split(",")):
        if not _is_in(address, proxies):
            return None
        address = _address(hop.strip())
        if not _is_in(address, proxies):
            return address
    return None


def _is_in(address: IPAddress | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> IPAddress | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
