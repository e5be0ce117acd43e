"""The module `roster`: an account's contacts, kept for all its clients (RFC 6121 §2)."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from itertools import count

from pydantic import Field

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.roster.contacts import Roster, RosterItem
from burble.modules.roster.edits import Edit, EditLimits, read_edit
from burble.modules.roster.states import SUBSCRIPTION_TYPES
from burble.modules.roster.store import RosterStore
from burble.modules.roster.subscriptions import Subscriptions
from burble.namespaces import PRE_APPROVAL, ROSTER, ROSTER_VERSIONING
from burble.routing.events import (
    AccountRegistered,
    AccountRemoved,
    AccountsImported,
    PresenceReceived,
    PresenceSent,
    RosterChanged,
    StreamFeatures,
    UserAvailable,
)
from burble.routing.router import refusing
from burble.routing.session import Session
from burble.stanza import Iq
from burble.xml import Element


class Rosters(Module):
    """Rosters and subscriptions of one host."""

    name = "roster"

    class Settings(ModuleSettings):
        """How much text a roster item may hold."""

        name_bytes: int = Field(default=1023, ge=1, description="Longest name of a contact, bytes.")
        group_bytes: int = Field(default=1023, ge=1, description="Longest name of a group, bytes.")
        groups_per_item: int = Field(default=100, ge=1, description="Groups one contact may be in.")

    async def start(self) -> None:
        """Make what the handlers need; nothing is read before somebody needs it."""
        self.store = RosterStore(self.host.database, self.host.name)
        for account in self.host.sessions.accounts.values():
            if (roster := Roster.of(account)) is not None:
                self.store.adopt(roster)
        self._subscriptions = Subscriptions(self)
        self._pushes = count(1)

    async def of_session(self, session: Session) -> Roster:
        """The roster of a connected account; it stays in memory while the account is connected.

        Raises:
            StorageError: it can't be read.
        """
        account = session.account
        roster = Roster.of(account)
        if roster is None:
            # An anonymous account has no contacts, and nothing is stored for it.
            loaded = Roster(session.jid.bare) if session.anonymous else await self.store.load(session.user)
            roster = account.data.setdefault(Roster, loaded)
        return roster

    # ---- requests

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """Announce versioning (§2.6.1) and pre-approval (§3.4.1) once the client has logged in."""
        if event.stream.login is not None:
            event.features += [Element("ver", ROSTER_VERSIONING), Element("sub", PRE_APPROVAL)]

    @iq(ROSTER, "query", to="account", owner_only=False, any_account=True)
    async def answer(self, request: Iq) -> Element | None:
        """A roster get or set; only the owner's (§2.3.3)."""
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        query = request.payload
        assert query is not None
        if session is None or session.jid.bare != request.to:
            raise StanzaError("forbidden", "only its owner may see or change a roster")
        roster = await self.of_session(session)
        if request.type == "get":
            return self._get(session, roster, query)
        if session.anonymous:
            raise StanzaError("not-allowed", "an anonymous account keeps no roster")
        await self.change(roster, read_edit(query, self.limits))
        return None

    def _get(self, session: Session, roster: Roster, query: Element) -> Element | None:
        """§2.1.3, §2.6.3: the whole roster, or an empty result where the client has it already."""
        session.interested = True
        version = query.get("ver")
        if version == str(roster.version):
            return None
        return roster.query((item.element() for item in roster.items.values()), version is not None)

    @property
    def limits(self) -> EditLimits:
        """How much text an item may hold."""
        settings = self.settings
        return EditLimits(settings.name_bytes, settings.group_bytes, settings.groups_per_item)

    async def change(self, roster: Roster, edit: Edit) -> None:
        """Do what the owner of a roster asks to be done with it (§2.3 to §2.5).

        Raises:
            StanzaError: not-allowed for the account itself; item-not-found where there is nothing to remove;
                resource-constraint where the roster is full.
            StorageError: it could not be stored; nothing has changed.
        """
        contact = edit.jid
        if contact == roster.jid:
            raise StanzaError("not-allowed", "an account is no contact of its own")
        if edit.remove:
            await self._remove(roster, contact)
            return
        async with roster.lock:
            old = roster.items.get(contact)
            if old is None:
                self.check_room(roster)
                old = RosterItem(contact)
            item = replace(old, name=edit.name, groups=edit.groups)
            await self.store.put(roster, contact, item, roster.requests.get(contact))
        self.push(roster, contact)

    def check_room(self, roster: Roster) -> None:
        """Make sure that the roster may take one more item.

        Raises:
            StanzaError: resource-constraint.
        """
        limit = self.host.settings.limits.roster_items
        if len(roster.items) >= limit:
            raise StanzaError("resource-constraint", f"a roster has at most {limit} contacts")

    async def _remove(self, roster: Roster, contact: JID) -> None:
        """§2.5: taking a contact out ends the subscriptions both ways."""
        async with roster.lock:
            if contact not in roster.items:
                raise StanzaError("item-not-found", f"{contact} is not in the roster")
            state = roster.state(contact)
            await self.store.put(roster, contact, None, roster.requests.get(contact))
        self.push(roster, contact)
        await self._subscriptions.end(roster.jid, contact, state)

    async def put_contact(self, user: str, item: RosterItem) -> bool:
        """Have a contact be as given, as an administrator decides it: no subscription is negotiated.

        Clients get the roster push; a contact who is subscribed no longer sees the account leave.

        Args:
            user: the localpart of the account.
            item: the contact; what is known of a request of its own goes when it is subscribed.

        Returns:
            Whether the contact may see the account's presence now and could not before: `show_presence`,
            once it has the account in its roster, shows it.

        Raises:
            StanzaError: not-allowed for the account itself, resource-constraint where the roster is full.
            StorageError: it could not be stored; nothing has changed.
        """
        roster, contact = await self.store.load(user), item.jid
        if contact == roster.jid:
            raise StanzaError("not-allowed", "an account is no contact of its own")
        async with roster.lock:
            before = roster.state(contact)
            if contact not in roster.items:
                self.check_room(roster)
            subscribed = item.subscription in ("from", "both")
            request = None if subscribed else roster.requests.get(contact)
            await self.store.put(roster, contact, item, request)
        self.push(roster, contact)
        if before.from_ and not subscribed:
            await self._subscriptions.hide(roster.jid, contact)
        return subscribed and not before.from_

    async def show_presence(self, user: str, contact: JID) -> None:
        """Send a contact the presence of an account's available sessions.

        Args:
            user: the localpart of the account.
            contact: the contact's bare JID.
        """
        await self._subscriptions.show(JID.build(user, self.host.name), contact)

    async def drop_contact(self, user: str, contact: JID) -> bool:
        """Take a contact out of a roster, as an administrator decides it: the contact is not told.

        Args:
            user: the localpart of the account.
            contact: the contact's bare JID.

        Returns:
            Whether it was in the roster.

        Raises:
            StorageError: it could not be stored; nothing has changed.
        """
        roster = await self.store.load(user)
        async with roster.lock:
            if contact not in roster.items:
                return False
            before = roster.state(contact)
            await self.store.put(roster, contact, None, None)
        self.push(roster, contact)
        if before.from_:
            await self._subscriptions.hide(roster.jid, contact)
        return True

    def push(self, roster: Roster, contact: JID) -> None:
        """Tell the account's interested sessions what a contact is like now (§2.1.6)."""
        item = roster.items.get(contact)
        gone = Element("item", ROSTER, {"jid": contact, "subscription": "remove"})
        query = roster.query([gone if item is None else item.element()])
        push = Iq(None, None, {"type": "set", "id": f"push{next(self._pushes)}"}, query)
        for session in self.host.sessions.of(roster.jid.local):
            if session.interested:
                session.send(push.readdressed(session.jid, None))
        if self.host.hooks.wanted(RosterChanged):
            self.host.hooks.emit(RosterChanged(roster.jid.local, push))

    # ---- subscriptions

    @on(PresenceSent)
    def sent(self, event: PresenceSent) -> Awaitable[None] | None:
        """A subscription stanza from a client of this host."""
        if event.presence.type not in SUBSCRIPTION_TYPES:
            return None
        return refusing(event.presence, self._subscriptions.outbound(event.session, event.presence))

    @on(PresenceReceived)
    def received(self, event: PresenceReceived) -> Awaitable[None] | None:
        """A subscription stanza for an account of this host, or an error that came of one it sent."""
        if event.presence.type == "error":
            return self._subscriptions.failed(event.user, event.presence)
        if event.presence.type not in SUBSCRIPTION_TYPES:
            return None
        return refusing(event.presence, self._subscriptions.inbound(event.user, event.presence))

    @on(UserAvailable)
    async def remind(self, event: UserAvailable) -> None:
        """Show the requests that wait for an answer (§3.1.3, step 4), and repeat the user's own (§3.1.2)."""
        await self._subscriptions.remind(event.session)
        await self._subscriptions.ask_again(event.session)

    @on(AccountRegistered)
    def begin(self, event: AccountRegistered) -> None:
        """A new account has no contacts, whatever one of its name had."""
        self.store.forget(event.jid.local)

    @on(AccountsImported)
    def imported(self, event: AccountsImported) -> None:
        """Have rosters read that were empty as long as nobody had them."""
        self.store.drop(event.users)

    @on(AccountRemoved)
    async def forget(self, event: AccountRemoved) -> None:
        """End the subscriptions of an account that is going."""
        await self._subscriptions.end_all(event.jid)
