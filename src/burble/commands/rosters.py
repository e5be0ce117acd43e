"""Commands about contacts and their presence. Errors have the codes of XEP-0086, which XML-RPC passes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from burble.commands.base import Administered, module_on
from burble.errors import StanzaError
from burble.jid import JID
from burble.module import command
from burble.modules.roster import RosterItem, Rosters
from burble.routing.hosts import Host


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact in a roster.

    Attributes:
        jid: its bare JID.
        nick: what the user calls it.
        subscription: ``none``, ``to``, ``from`` or ``both``.
        pending: whose request waits for an answer: ``out`` the user's, ``in`` the contact's, ``both`` or
            ``none``.
        groups: the groups it is in.
    """

    jid: str
    nick: str
    subscription: str
    pending: str
    groups: list[str]


@dataclass(frozen=True, slots=True)
class UserPresence:
    """The presence of an account: that of its most available resource.

    Attributes:
        jid: the full JID; the bare one where it is unavailable.
        show: ``available``, ``chat``, ``away``, ``dnd``, ``xa`` or ``unavailable``.
        status: what the user says about it.
    """

    jid: str
    show: str
    status: str


@dataclass(frozen=True, slots=True)
class ContactWithPresence(Contact):
    """A contact with its presence, where it is an account of this server.

    Attributes:
        resource: the most available resource, or "".
        show: as in `UserPresence`.
        status: as in `UserPresence`.
    """

    resource: str
    show: str
    status: str


class RosterCommands:
    """The commands about contacts.

    Args:
        server: whose rosters.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["roster"])
    async def link_contacts(self, jid1: JID, nick1: str, jid2: JID, nick2: str) -> None:
        """Put two accounts into each other's rosters, subscribed both ways, without asking either.

        Groups that a contact is in already stay.

        Args:
            jid1: the first account.
            nick1: what the second is to call it.
            jid2: the second account.
            nick2: what the first is to call it.

        Example:
            link_contacts juliet@localhost Juliet romeo@localhost Romeo
        """
        if jid1.bare == jid2.bare:
            raise StanzaError("not-allowed", "an account is no contact of its own")
        sides = [
            (_rosters(await self._account(jid1)), jid1.local, jid2.bare, nick2),
            (_rosters(await self._account(jid2)), jid2.local, jid1.bare, nick1),
        ]
        shown = []
        for rosters, user, contact, nick in sides:
            known = (await rosters.store.load(user)).items.get(contact)
            groups = known.groups if known is not None else ()
            shown.append(await rosters.put_contact(user, RosterItem(contact, nick or None, groups, "both")))
        # Only now, since clients do not believe a presence before the contact is in the roster.
        for (rosters, user, contact, _), new in zip(sides, shown, strict=True):
            if new:
                await rosters.show_presence(user, contact)

    @command(tags=["roster"])
    async def unlink_contacts(self, jid1: JID, jid2: JID) -> None:
        """Take two accounts out of each other's rosters, without telling them as clients do.

        Args:
            jid1: the first account.
            jid2: the second account.

        Example:
            unlink_contacts juliet@localhost romeo@localhost
        """
        hosts = await self._account(jid1), await self._account(jid2)
        dropped = [
            await _rosters(hosts[0]).drop_contact(jid1.local, jid2.bare),
            await _rosters(hosts[1]).drop_contact(jid2.local, jid1.bare),
        ]
        if not any(dropped):
            raise StanzaError("item-not-found", f"{jid1.bare} and {jid2.bare} are not linked")

    @command(
        tags=["roster"],
        safe=True,
        result="contacts::[contact::(jid::string, nick::string, subscription::string, pending::string, "
        "groups::[group::string])]",
    )
    async def get_roster(self, user: str, host: str) -> list[Contact]:
        """List the contacts of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The contacts, by address.

        Example:
            get_roster juliet localhost
        """
        return [contact async for contact in self._contacts(user, host)]

    @command(tags=["roster", "session"], safe=True)
    async def get_roster_with_presence(self, user: str, host: str) -> list[ContactWithPresence]:
        """List the contacts of an account, each with its presence.

        The presence of contacts on other servers is not known; they are shown as unavailable.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The contacts, by address; of one with several resources only the most available.

        Example:
            get_roster_with_presence juliet localhost
        """
        found = []
        async for contact in self._contacts(user, host):
            jid = JID.parse(contact.jid)
            there = self._server.hosts.get(jid.domain)
            presence = UserPresence(jid, "unavailable", "") if there is None else _presence(there, jid)
            found.append(
                ContactWithPresence(
                    contact.jid,
                    contact.nick,
                    contact.subscription,
                    contact.pending,
                    contact.groups,
                    JID.parse(presence.jid).resource,
                    presence.show,
                    presence.status,
                )
            )
        return found

    @command(tags=["session"], safe=True, result="presence::(jid::string, show::string, status::string)")
    async def get_presence(self, user: str, host: str) -> UserPresence:
        """Tell the presence of an account: that of its resource with the highest priority.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The full JID, the show value and the status text.

        Example:
            get_presence juliet localhost
        """
        jid = JID.build(user, host)
        return _presence(await self._account(jid), jid)

    @command(tags=["session"], safe=True)
    async def get_resources(self, user: str, host: str) -> list[str]:
        """List the available resources of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            Their names, in order.

        Example:
            get_resources juliet localhost
        """
        there = await self._account(JID.build(user, host))
        return sorted(each.jid.resource for each in there.sessions.of(user) if each.presence is not None)

    # ---- what they have in common

    async def _account(self, jid: JID) -> Host:
        """The host of an account; raises StanzaError where there is no such account."""
        host = self._server.hosts.get(jid.domain)
        if host is None:
            raise StanzaError("item-not-found", f"{jid.domain} is not served here")
        if not jid.local or not await host.authenticator.exists(jid.local):
            raise StanzaError("item-not-found", f"there is no account {jid.bare}")
        return host

    async def _contacts(self, user: str, host: str) -> AsyncIterator[Contact]:
        there = await self._account(JID.build(user, host))
        roster = await _rosters(there).store.load(user)
        for item in sorted(roster.items.values(), key=lambda item: item.jid):
            asked = item.jid in roster.requests
            pending = ("both" if item.ask else "in") if asked else "out" if item.ask else "none"
            yield Contact(item.jid, item.name or "", item.subscription, pending, list(item.groups))


def _rosters(host: Host) -> Rosters:
    return module_on(host, Rosters)


def _presence(host: Host, jid: JID) -> UserPresence:
    available = (each for each in host.sessions.of(jid.local) if each.presence is not None)
    best = max(available, key=lambda session: session.priority, default=None)
    if best is None or best.presence is None:
        return UserPresence(jid.bare, "unavailable", "")
    return UserPresence(best.jid, best.presence.show or "available", best.presence.status)
