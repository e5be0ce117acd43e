"""The router: finds who takes a stanza, by the domain it is for (RFC 6120 §10)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from burble.auth import AuthenticatorUnavailable
from burble.errors import StanzaError
from burble.jid import JID
from burble.routing.outstanding import Outstanding
from burble.stanza import Stanza
from burble.storage import StorageError

_log = logging.getLogger("burble.router")

Route = Callable[[Stanza], Awaitable[None] | None]
Guard = Callable[[JID], bool]
"""Whether a host has anything to do with an address elsewhere."""


class DomainTaken(Exception):
    """A domain is served already, as a host, a service of a host or a component."""


class Router:
    """Routes stanzas between the domains served here, and to others through the S2S manager.

    Errors raised on a stanza's way are answered here, and nowhere else.

    Args:
        remote: takes the stanzas for all other domains.

    Attributes:
        components: the domains of external components (XEP-0114) that are connected now.
    """

    def __init__(self, remote: Route) -> None:
        self._routes: dict[str, Route] = {}
        self._remote = remote
        self._guards: dict[str, Guard] = {}
        #: Of sessions that are told what is taken care of, what other servers have not confirmed.
        self.outstanding: dict[JID, Outstanding] = {}
        self.components: set[str] = set()

    def register(self, domain: str, route: Route) -> None:
        """Send the stanzas for a domain to `route`.

        Raises:
            DomainTaken: another route has it.
        """
        if domain in self._routes:
            raise DomainTaken(f"{domain} is served already, by another host, a service or a component")
        self._routes[domain] = route

    def unregister(self, domain: str) -> None:
        """Serve a domain no longer."""
        del self._routes[domain]

    def guard(self, domain: str, guard: Guard | None) -> None:
        """Ask before anything goes between a domain, or a service below it, and addresses not served here.

        Args:
            domain: one served here.
            guard: whom to ask; None for nobody any more.
        """
        if guard is not None:
            self._guards[domain] = guard
        else:
            self._guards.pop(domain, None)

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here, as a host, a service of one or a component."""
        return domain in self._routes

    @property
    def domains(self) -> list[str]:
        """The domains served here."""
        return list(self._routes)

    def route(self, stanza: Stanza, *, guarded: bool = True) -> Awaitable[None] | None:
        """Hand a stanza to whoever serves the domain it is for.

        Args:
            stanza: must have `to` and `from_`; not to be changed any more.
            guarded: ask those who guard a domain; see `guard`.

        Returns:
            None when it has been handled, or what to await for it. Errors never come out of either:
            the sender gets them as a stanza.
        """
        to = stanza.to
        assert to is not None
        try:
            if self._guards and guarded:
                self._check(stanza)
            waiting = self._routes.get(to.domain, self._remote)(stanza)
        except Exception as error:
            return self.bounce(stanza, error)
        return None if waiting is None else self._finish(stanza, waiting)

    def _check(self, stanza: Stanza) -> None:
        """Refuse a stanza from or to an address elsewhere, where the host that it is about has a guard."""
        here, peer = stanza.from_, stanza.to
        if here is None or peer is None:
            return
        if here.domain not in self._routes:
            here, peer = peer, here
        if peer.domain in self._routes:
            return
        guard = self._guards.get(here.domain) or self._guards.get(here.domain.partition(".")[2])
        if guard is not None and not guard(peer):
            text = f"{here.domain} has nothing to do with {peer.domain}"
            raise StanzaError("policy-violation", text, "cancel")

    async def _finish(self, stanza: Stanza, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            answer = self.bounce(stanza, error)
            if answer is not None:
                await answer

    def bounce(self, stanza: Stanza, error: Exception) -> Awaitable[None] | None:
        """Answer a stanza with an error, unless it is an answer itself (RFC 6120 §8.3.1)."""
        reason = as_stanza_error(error, stanza)
        if stanza.attrs.get("type") in ("error", "result") or stanza.from_ is None:
            return None
        return self.route(stanza.error(reason), guarded=False)  # whoever it is: it has asked


async def refusing(stanza: Stanza, work: Awaitable[None]) -> None:
    """Wait for what a handler does with a stanza, so that its sender hears of what can't be stored.

    Raises:
        StanzaError: for any `StorageError` or `AuthenticatorUnavailable`, which the hooks would only log.
    """
    try:
        await work
    except (AuthenticatorUnavailable, StorageError) as error:
        raise as_stanza_error(error, stanza) from error


def as_stanza_error(error: Exception, stanza: Stanza) -> StanzaError:
    """What to tell the sender of a stanza; what the sender can't help is logged."""
    if isinstance(error, StanzaError):
        return error
    if isinstance(error, StorageError):
        _log.error("could not store what %s sent to %s: %s", stanza.from_, stanza.to, error)
        return StanzaError("resource-constraint", "this can't be stored now; try again later")
    if isinstance(error, AuthenticatorUnavailable):
        _log.error("could not handle what %s sent to %s: %s", stanza.from_, stanza.to, error)
        return StanzaError("resource-constraint", "accounts can't be checked now; try again later")
    _log.error("handling what %s sent to %s failed", stanza.from_, stanza.to, exc_info=error)
    return StanzaError("internal-server-error", "the server made a mistake; it is in its log")
