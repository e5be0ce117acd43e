"""Commands about single contacts, and about the contacts of many accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from burble.commands.arguments import ContactName, HostName, UserName
from burble.commands.base import Administered, account_host, module_on
from burble.errors import StanzaError
from burble.jid import JID
from burble.module import CommandFailed, command
from burble.modules.roster import Roster, RosterItem, Rosters
from burble.modules.roster.listing import Listed, listed_items


def _groups(names: list[str]) -> list[str]:
    # ejabberd took several groups as one text, with semicolons.
    return list(dict.fromkeys(part for name in names for part in name.split(";") if part))


GroupNames = Annotated[list[str], AfterValidator(_groups)]
"""The groups of a contact: a list, or in one text with semicolons."""

Subscription = Literal["none", "from", "to", "both"]


@dataclass(frozen=True, slots=True)
class RosterPair:
    """An account and one of its contacts, both as bare JIDs."""

    user: str
    contact: str


class RosterPairs(list[RosterPair]):
    """Accounts with their contacts.

    Attributes:
        visited: how many contacts were looked at, those that did not fit included.
    """

    visited = 0

    @property
    def narration(self) -> str:
        """What ejabberdctl prints while it looks, which is what scripts read."""
        matches = "".join(f"Matches: {pair.user} {pair.contact}\n" for pair in self)
        return f"There are {self.visited} roster items in total.\n{matches}"


class RosterItemCommands:
    """The commands about roster items.

    Args:
        server: whose rosters.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["roster"], result="res::rescode", version=1)
    async def add_rosteritem(
        self,
        localuser: UserName,
        localhost: HostName,
        user: ContactName,
        host: HostName,
        nick: str,
        groups: GroupNames,
        subs: Subscription,
    ) -> None:
        """Put a contact into an account's roster, or change it there, without asking either.

        Only this roster changes: for a subscription both ways do the same for the contact.

        Args:
            localuser: the account's name, without its domain.
            localhost: its domain, served here.
            user: the contact's name, without its domain; "" where the contact is a domain.
            host: its domain.
            nick: what the account calls it; "" for nothing.
            groups: the groups it is in.
            subs: the subscription: ``none``, ``from``, ``to`` or ``both``.

        Example:
            add_rosteritem juliet localhost romeo localhost Romeo "Friends,Lovers" both
        """
        rosters = module_on(await account_host(self._server, localuser, localhost), Rosters)
        limits = rosters.settings
        if len(nick.encode()) > limits.name_bytes:
            raise StanzaError("not-acceptable", f"a name has at most {limits.name_bytes} bytes")
        if len(groups) > limits.groups_per_item:
            raise StanzaError("not-acceptable", f"a contact is in at most {limits.groups_per_item} groups")
        if any(len(group.encode()) > limits.group_bytes for group in groups):
            raise StanzaError("not-acceptable", f"the name of a group has at most {limits.group_bytes} bytes")
        account, contact = JID.build(localuser, localhost), JID.build(user, host)
        item = RosterItem(contact, nick or None, tuple(groups), subs)
        if await rosters.put_contact(localuser, item):
            await rosters.show_presence(localuser, contact)
        if subs in ("to", "both"):
            await self._show_contact(contact, account)

    @command(tags=["roster"], result="res::rescode", name="add_rosteritem")
    async def add_rosteritem_v0(
        self,
        localuser: UserName,
        localhost: HostName,
        user: ContactName,
        host: HostName,
        nick: str,
        group: str,
        subs: Subscription,
    ) -> None:
        """Put a contact into an account's roster, or change it there, without asking either.

        Args:
            localuser: the account's name, without its domain.
            localhost: its domain, served here.
            user: the contact's name, without its domain; "" where the contact is a domain.
            host: its domain.
            nick: what the account calls it; "" for nothing.
            group: the groups it is in, with semicolons between them.
            subs: the subscription: ``none``, ``from``, ``to`` or ``both``.

        Example:
            add_rosteritem juliet localhost romeo localhost Romeo "Friends;Lovers" both
        """
        await self.add_rosteritem(localuser, localhost, user, host, nick, _groups([group]), subs)

    @command(tags=["roster"], result="res::rescode")
    async def delete_rosteritem(
        self, localuser: UserName, localhost: HostName, user: ContactName, host: HostName
    ) -> None:
        """Take a contact out of an account's roster, without telling the contact as clients do.

        Args:
            localuser: the account's name, without its domain.
            localhost: its domain, served here.
            user: the contact's name, without its domain; "" where the contact is a domain.
            host: its domain.

        Example:
            delete_rosteritem juliet localhost romeo localhost
        """
        rosters = module_on(await account_host(self._server, localuser, localhost), Rosters)
        contact = JID.build(user, host)
        if not await rosters.drop_contact(localuser, contact):
            raise StanzaError("item-not-found", f"{contact} is not in the roster of {localuser}@{localhost}")

    @command(tags=["roster"], safe=True, result="value::integer")
    async def get_roster_count(self, user: str, host: str) -> int:
        """Count the contacts of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            How many there are.

        Example:
            get_roster_count juliet localhost
        """
        rosters = module_on(await account_host(self._server, user, host), Rosters)
        return len((await rosters.store.load(user)).items)

    @command(tags=["roster"], result="response::[pairs::(user::string, contact::string)]")
    async def process_rosteritems(
        self,
        action: Literal["list", "delete"],
        subs: Annotated[str, Field(min_length=1)],
        asks: Annotated[str, Field(min_length=1)],
        users: Annotated[str, Field(min_length=1)],
        contacts: Annotated[str, Field(min_length=1)],
    ) -> RosterPairs:
        """List the contacts of all accounts that fit, or take them out of the rosters.

        Args:
            action: ``list`` or ``delete``.
            subs: their subscriptions: ``any``, or some of ``none``, ``from``, ``to``, ``both`` with colons
                between them.
            asks: whose request waits for an answer: ``any``, or some of ``none``, ``out``, ``in``, ``both``.
            users: the accounts: ``any``, or patterns such as ``*@localhost`` with colons between them.
            contacts: the contacts: likewise.

        Returns:
            Each account with its contact, those that were taken out as well.

        Example:
            process_rosteritems list none:from any "*@localhost" "*@example.org:*@example.net"
        """
        subscription, pending = _among(subs, "subs", _SUBSCRIPTIONS), _among(asks, "asks", _PENDING)
        user_fits, contact_fits = _pattern(users), _pattern(contacts)
        found = RosterPairs()
        async for host, item in self._all_items():
            found.visited += 1
            account = f"{item.user}@{host}"
            if (
                item.subscription in subscription
                and item.pending in pending
                and user_fits(account)
                and contact_fits(item.jid)
            ):
                found.append(RosterPair(account, item.jid))
        if action == "delete":
            for pair in found:
                user = JID.parse(pair.user)
                rosters = module_on(self._server.hosts[user.domain], Rosters)
                await rosters.drop_contact(user.local, JID.parse(pair.contact))
        return found

    async def _all_items(self) -> AsyncIterator[tuple[str, Listed]]:
        for host in list(self._server.hosts):
            async for item in listed_items(self._server.database, host):
                yield host, item

    async def _show_contact(self, contact: JID, account: JID) -> None:
        """Have an account see the presence of a contact that it is subscribed to, where both are here."""
        host = self._server.hosts.get(contact.domain)
        there = host.sessions.accounts.get(contact.local) if host is not None else None
        roster = Roster.of(there) if there is not None else None
        if host is not None and roster is not None and roster.shows_presence_to(account):
            await module_on(host, Rosters).show_presence(contact.local, account)


_SUBSCRIPTIONS = frozenset({"none", "from", "to", "both"})
_PENDING = frozenset({"none", "out", "in", "both"})


def _among(text: str, name: str, known: frozenset[str]) -> frozenset[str]:
    if text == "any":
        return known
    words = frozenset(text.split(":"))
    if not words <= known:
        raise CommandFailed(f"{name}: expected any, or some of {', '.join(sorted(known))} with colons")
    return words


def _pattern(text: str) -> Callable[[str], bool]:
    patterns = ["*" if part == "any" else part for part in text.split(":")]
    if "*" in patterns:
        return lambda _: True
    return lambda jid: any(fnmatchcase(jid, pattern) for pattern in patterns)
