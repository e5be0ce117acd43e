"""The module `archive`: what accounts say and are told is kept, for all their clients (XEP-0313)."""

from __future__ import annotations

from collections.abc import Awaitable

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.archive.deletion import Deletion
from burble.modules.archive.erasing import Eraser
from burble.modules.archive.pairs import pair
from burble.modules.archive.preferences import Preferences, PreferenceStore
from burble.modules.archive.query import form, read_query
from burble.modules.archive.reading import addressed_to, fin, in_order, metadata, read, result
from burble.modules.archive.retention import Retention
from burble.modules.archive.rules import Worth, worth
from burble.modules.archive.search import SearchIndex
from burble.modules.archive.settings import ArchiveSettings
from burble.modules.archive.store import ArchiveStore
from burble.modules.archive.tombstones import Tombstones
from burble.modules.offline import READS_ARCHIVE
from burble.modules.roster import Rosters
from burble.namespaces import FULLTEXT, HINTS, MAM, MAM_EXTENDED, MAM_GROUPCHAT_FIELD, RETRACT, STANZA_ID
from burble.routing.events import (
    AccountRegistered,
    AccountRemoved,
    DescribeHost,
    HostStopping,
    MessageUndelivered,
    ModulesChanged,
    SessionOpened,
    StanzaReceived,
    StanzaSent,
)
from burble.routing.session import Account, Session
from burble.stanza import Iq, Message, Stanza
from burble.storage import StorageError
from burble.xml import Element

#: After those who refuse stanzas, before those who copy them.
_PRIORITY = -10
#: Messages of a page that are sent before the client is waited for.
_AT_ONCE = 20


class Archive(Module):
    """The archives of the accounts of one host.

    A message gets its id, a `stanza-id` (XEP-0359), on its way, and is stored with the next batch of the
    database, a few milliseconds later.
    """

    name = "archive"
    # Accounts have archives (§9); but profanity 0.13 asks the server only.
    features = (HINTS, STANZA_ID, MAM)
    account_features = (
        MAM,
        MAM_EXTENDED,
        MAM_GROUPCHAT_FIELD,
        STANZA_ID,
        RETRACT,
        f"{RETRACT}#tombstone",
    )
    Settings = ArchiveSettings

    settings: ArchiveSettings

    async def start(self) -> None:
        """Find out which ids were given, and who wants what to be kept."""
        database, host = self.host.database, self.host.name
        self.store = ArchiveStore(database, host)
        await self.store.start()
        self.preferences = PreferenceStore(database, host, self.settings.default)
        await self.preferences.start()
        self.eraser = Eraser(database)
        self._index = SearchIndex(self.store)
        self._tombstones = Tombstones(self.host)
        self._leaving: set[str] = set()
        self.deletion = Deletion(self.host, self.eraser)
        self._retention = Retention(self.host, self.eraser)
        self.listen(StanzaSent, self.sent, _PRIORITY, stanzas=_is_message)
        self.listen(StanzaReceived, self.received, _PRIORITY, stanzas=self._concerns)
        self._retention.start(self.settings)

    async def stop(self) -> None:
        """Archive and erase nothing any more."""
        self.deletion.abort()
        self._retention.stop()

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options."""
        assert isinstance(settings, ArchiveSettings)
        await super().configure(settings)
        self.preferences.standard = Preferences(settings.default)
        self._retention.stop()
        self._retention.start(settings)
        await self.host.emit(ModulesChanged())

    def kept(self, message: Message) -> bool:
        """Whether a message that was delivered to an account of this host, or not, is in its archive."""
        return message.archive_id != 0

    # ---- what accounts say

    def sent(self, event: StanzaSent) -> Awaitable[None] | None:
        """Archive what a client sends; the recipient's archive may share it.

        Raises:
            StanzaError: resource-constraint, where the database is behind.
        """
        message = event.stanza
        if not isinstance(message, Message):
            return None
        value = worth(message)
        session = event.session
        if not value or session.anonymous:
            return None
        own = session.jid.bare
        if message.to is None:  # the account itself (RFC 6120 §10.3)
            message = event.stanza = message.copy(to=own)
        clean = message.without_stanza_id(own)
        if clean is not message:
            message = event.stanza = clean
        assert message.to is not None
        allowed = self._allowed(session.user, message.to)
        if allowed is None:
            return self._sent_later(session, message, value)
        return self._keep_sent(session, message, value) if allowed else None

    async def _sent_later(self, session: Session, message: Message, value: Worth) -> None:
        assert message.to is not None
        if await self._find_allowed(session.user, message.to):
            waiting = self._keep_sent(session, message, value)
            if waiting is not None:
                await waiting

    def _keep_sent(self, session: Session, message: Message, value: Worth) -> Awaitable[None] | None:
        assert message.to is not None
        return self._keep(session.user, session.jid.bare, message.to.bare, message, value)

    def _keep(self, user: str, own: JID, peer: JID, message: Message, value: Worth) -> Awaitable[None] | None:
        """Archive a message, note its id, and return what to await for the database to catch up."""
        if user in self._leaving:
            return None
        try:
            message.archive_id = self.store.keep(user, pair(own, peer), message.to_bytes())
        except StorageError:
            raise _behind() from None
        if value is Worth.RETRACTION:
            self._tombstones.bury(message)
        batch = self.host.database.batch
        return batch.room() if batch.full else None

    # ---- what they are told

    def _concerns(self, stanza: Stanza) -> bool:
        """Whether a stanza may be archived, or claim to be: any message but what rooms here say to each of
        a thousand occupants. Those of rooms elsewhere may hold anything."""
        if not isinstance(stanza, Message):
            return False
        if stanza.attrs.get("type") != "groupchat":
            return True
        return stanza.from_ is None or stanza.from_.domain not in self.host.router.domains

    def received(self, event: StanzaReceived) -> Awaitable[None] | None:
        """Archive what an account is sent and takes, and tell it the id (§3.4).

        Raises:
            StanzaError: resource-constraint, where the database is behind.
        """
        message = event.stanza
        if not isinstance(message, Message):
            return None
        assert message.to is not None
        own = message.to.bare
        clean = message.without_stanza_id(own)  # whatever it is (XEP-0359 §5)
        if clean is not message:
            message = event.stanza = clean
        if not (message.archive_id or worth(message)) or message.from_ is None:
            return None
        user = event.user
        account = self.host.sessions.accounts.get(user)
        if account is None:
            known = self.host.authenticator.known(user)
            if known is None:
                return self._received_later(event, message)
            takes = known
        else:
            takes = not _is_anonymous(account)
        if not takes or _is_refused(account, message):
            return self._take(event, message, False)
        allowed = self._allowed(user, message.from_)
        if allowed is None:
            return self._received_later(event, message)
        return self._take(event, message, allowed)

    async def _received_later(self, event: StanzaReceived, message: Message) -> None:
        assert message.to is not None
        assert message.from_ is not None
        user, own = event.user, message.to.bare
        account = self.host.sessions.accounts.get(user)
        exists = account is not None or await self.host.authenticator.exists(user)
        allowed = exists and not _is_refused(account, message)
        if allowed and await self._find_allowed(user, message.from_):
            if message.archive_id != self.host.database.ids.last and message.from_.bare != own:
                # Newer messages may be in the archive already: this one needs an id of its own.
                message = message.readdressed(message.to, message.from_)
            waiting = self._take(event, message, True)
            if waiting is not None:
                await waiting
        else:
            self._take(event, message, False)

    def _take(self, event: StanzaReceived, message: Message, allowed: bool) -> Awaitable[None] | None:
        """Archive a message for its recipient, or see to it that it does not look as if it were."""
        to, sender = message.to, message.from_
        assert to is not None
        assert sender is not None
        own = to.bare
        waiting = None
        if not allowed or event.user in self._leaving:
            if message.archive_id:
                event.stanza = message.readdressed(to, sender)
            return None
        if not message.archive_id:
            waiting = self._keep(event.user, own, sender.bare, message, worth(message))
        elif sender.bare != own:
            try:
                self.store.share(event.user, message.archive_id)
            except StorageError:
                raise _behind() from None
        stamped = message.with_stanza_id(own, message.archive_id)
        stamped.archive_id = message.archive_id
        event.stanza = stamped
        return waiting

    @on(MessageUndelivered, priority=_PRIORITY)
    def undelivered(self, event: MessageUndelivered) -> None:
        """Nobody is there, and nobody else keeps it: the account will find it in its archive."""
        if self.kept(event.message):
            event.stop()

    # ---- what they want to have kept

    def _allowed(self, user: str, peer: JID) -> bool | None:
        """Whether messages with somebody are archived; None where that has to be looked up."""
        preferences = self.preferences.known(user)
        return None if preferences is None else preferences.allow(peer)

    async def _find_allowed(self, user: str, peer: JID) -> bool:
        try:
            allowed = (await self.preferences.load(user)).allow(peer)
            return await self._is_contact(user, peer.bare) if allowed is None else allowed
        except StorageError:
            raise StanzaError("resource-constraint", "what is to be archived can't be read now") from None

    async def _is_contact(self, user: str, peer: JID) -> bool:
        rosters = self.host.modules.get(Rosters.name)
        if not isinstance(rosters, Rosters):
            return False
        sessions = self.host.sessions.of(user)
        roster = await (rosters.of_session(sessions[0]) if sessions else rosters.store.load(user))
        return peer in roster.items

    # ---- what they ask

    @iq(MAM, "query", to="account", owner_only=False, any_account=True)
    async def answer(self, request: Iq) -> Element:
        """Send messages of an archive, or the form to ask for them (§4).

        Raises:
            StanzaError: forbidden, to all but the account's owner; what `read_query` and `read` raise.
        """
        session, payload = self._owner(request), request.payload
        assert payload is not None
        if request.type == "get":
            answer = Element("query", MAM)
            answer.append(form(search=self.settings.search).to_element())
            return answer
        query = read_query(payload, search=self.settings.search)
        await self.host.database.batch.flush()
        own, peer = session.jid.bare, query.filters.peer
        parties = None if peer is None else pair(own, peer.bare)
        chosen = None if peer is None or not peer.resource else addressed_to(peer)
        matching = None
        if query.filters.text is not None:
            await self._index.update(session.user)
            matching = self._index.expression(own, query.filters.text)
        limit = self.settings.page
        found = await read(
            self.store, session.user, query, limit, pair=parties, matching=matching, chosen=chosen
        )
        for number, row in enumerate(in_order(found.page.items, query), 1):
            session.send(result(own, session.jid, query, row, row.stanza))
            if number % _AT_ONCE == 0:
                await session.drain()
        if READS_ARCHIVE in session.data:
            session.data[READS_ARCHIVE] = True
        return fin(found)

    @on(DescribeHost)
    def announce(self, event: DescribeHost) -> None:
        """Tell that words can be looked for (XEP-0431 §2.1)."""
        if self.settings.search:
            event.account.features.append(FULLTEXT)

    @iq(MAM, "metadata", to="account", type="get", owner_only=False, any_account=True)
    async def tell_ends(self, request: Iq) -> Element:
        """Tell of the oldest and the newest message (§5).

        Raises:
            StanzaError: forbidden, to all but the account's owner.
        """
        session = self._owner(request)
        await self.host.database.batch.flush()
        return metadata(await self.store.ends(session.user))

    @iq(MAM, "prefs", to="account", owner_only=False, any_account=True)
    async def choose(self, request: Iq) -> Element:
        """Tell what an account wants to have archived, or change it (XEP-0441).

        Raises:
            StanzaError: forbidden, to all but the account's owner; bad-request, jid-malformed or
                resource-constraint, where the preferences are none.
        """
        session, payload = self._owner(request), request.payload
        assert payload is not None
        if request.type == "set":
            await self.preferences.put(session.user, Preferences.from_element(payload))
        return (await self.preferences.load(session.user)).to_element()

    def _owner(self, request: Iq) -> Session:
        """The session of the owner who asks; others do not even learn whether the account exists."""
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        if session is None or session.jid.bare != request.to:
            raise StanzaError("forbidden", "an archive is its owner's alone", "auth")
        if session.anonymous:
            raise StanzaError("not-allowed", "nothing is kept for an anonymous account")
        return session

    @on(HostStopping)
    def leave_off(self, event: HostStopping) -> None:
        """Erase nothing any more: nobody shall have to wait for it."""
        self.deletion.abort()
        self._retention.stop()

    # ---- accounts

    @on(AccountRemoved)
    async def erase(self, event: AccountRemoved) -> None:
        """Erase an archive with its account."""
        user = event.jid.local
        self._leaving.add(user)
        await self.eraser.erase(self.host.name, user)
        await self._index.forget(user)
        self.preferences.forget(user)

    @on(AccountRegistered)
    def registered(self, event: AccountRegistered) -> None:
        """A new account of that name."""
        self._leaving.discard(event.jid.local)

    @on(SessionOpened)
    def opened(self, event: SessionOpened) -> None:
        """Its removal has failed."""
        self._leaving.discard(event.session.user)


def _is_message(stanza: Stanza) -> bool:
    return isinstance(stanza, Message)


def _is_anonymous(account: Account) -> bool:
    return next(iter(account.sessions.values())).anonymous


def _is_refused(account: Account | None, message: Message) -> bool:
    """Whether it will be sent back, because the resource is gone (RFC 6121 §8.5.3.2.1)."""
    assert message.to is not None
    resource = message.to.resource
    if not resource or message.type != "normal":
        return False
    return account is None or resource not in account.sessions


def _behind() -> StanzaError:
    return StanzaError("resource-constraint", "the server is behind with storing messages")
