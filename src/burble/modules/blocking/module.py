"""The module `blocking`: who may not reach an account, nor be reached from it (XEP-0191)."""

from __future__ import annotations

from collections.abc import Awaitable, Container
from itertools import count

from pydantic import Field

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.blocking.forwarding import forward
from burble.modules.blocking.lists import BlockList, BlockLists, blocks
from burble.modules.blocking.reports import Report, Reporter, forwarded_report, read_reports
from burble.modules.presence import directed
from burble.modules.roster import Rosters
from burble.namespaces import BLOCKING, BLOCKING_ERRORS, REPORTING
from burble.routing.events import (
    AccountRegistered,
    AccountsImported,
    PresenceBroadcast,
    ServerMessageReceived,
    SessionOpened,
    StanzaReceived,
    StanzaSent,
)
from burble.routing.session import Account, Session
from burble.stanza import Iq, Message, Presence, Stanza
from burble.storage import StorageError
from burble.xml import Element

#: The session has asked for the list and hears of changes.
_INTERESTED = "blocking.interested"


class Blocking(Module):
    """Block lists of one host, asked for, changed and enforced.

    What the server itself and the account's own sessions send is never blocked, whatever a list says.
    """

    name = "blocking"
    features = (BLOCKING, REPORTING)
    requires = ("roster",)

    class Settings(ModuleSettings):
        """What becomes of reports."""

        reports_per_hour: int = Field(
            default=20,
            ge=0,
            description="Reports of spam and abuse (XEP-0377) by one account, or another server, in an hour "
            "that administrators are sent; more are only logged.",
        )
        forward_reports: bool = Field(
            default=True,
            description="Whether reports about users of other servers are forwarded there, where those who "
            "report agree to that; they are not named.",
        )

    async def start(self) -> None:
        """Find out who blocks anybody."""
        self._rosters = self.require(Rosters)
        self.lists = BlockLists(self.host.database, self.host.name)
        self._blockers = self.lists.blockers
        #: Accounts whose privacy lists decide instead (XEP-0016), block lists included.
        self.deferring: Container[str] = ()
        self._pushes = count(1)
        self._reporter = Reporter(self.host)
        await self.lists.start()
        self._off.append(self.host.keep_state(_INTERESTED, _is_interested, _interest))
        self.listen(StanzaSent, self.sent, 1000, self.lists.blockers)
        self.listen(StanzaReceived, self.received, 1000, self.lists.blockers)

    # ---- the list (§3.2 to §3.5)

    @iq(BLOCKING, "blocklist", to="account", type="get")
    async def show(self, request: Iq) -> Element:
        """Tell what is blocked; the session hears of changes from now on."""
        session = self._session(request)
        session.data[_INTERESTED] = True
        return _items("blocklist", await self.lists.load(session.user))

    @iq(BLOCKING, "block", to="account", type="set")
    async def block(self, request: Iq) -> None:
        """Block addresses; contacts among them see it go (§3.3). Reports are handed on (XEP-0377)."""
        session = self._session(request)
        jids = _addresses(request)
        if not jids:
            raise StanzaError("bad-request", "nobody to block: the request has no item")
        limit = self.host.settings.limits.blocklist_entries
        before, after = await self.lists.block(session.user, jids, limit)
        self._changed(session.account, after)
        self._push(session.account, _items("block", jids))
        await self._vanish(session, before, after)
        assert request.payload is not None
        reports = read_reports(request.payload)
        settings = self.settings
        for report in await self._reporter.report(session.jid.bare, reports, settings.reports_per_hour):
            here = report.jid.domain in self.host.router.domains
            if settings.forward_reports and report.may_be_forwarded and not here:
                self.host.spawn(forward(self.host, session.user, report))

    @on(ServerMessageReceived)
    def told(self, event: ServerMessageReceived) -> Awaitable[None] | None:
        """Another server forwards a report about somebody here: those who run this one read it."""
        sender, report = event.message.from_, forwarded_report(event.message)
        if report is None or sender is None or sender != sender.domain:
            return None
        if not f".{report.jid.domain}".endswith(f".{self.host.name}"):
            return None
        event.stop()
        return self._hand_on(sender, report)

    async def _hand_on(self, sender: JID, report: Report) -> None:
        await self._reporter.report(sender, [report], self.settings.reports_per_hour)

    @iq(BLOCKING, "unblock", to="account", type="set")
    async def unblock(self, request: Iq) -> None:
        """Unblock addresses, or all; contacts among them see the account again (§3.4, §3.5)."""
        session = self._session(request)
        jids = _addresses(request)
        before, after = await self.lists.unblock(session.user, jids or None)
        self._changed(session.account, after)
        self._push(session.account, _items("unblock", jids))
        await self._reappear(session, before, after)

    def _session(self, request: Iq) -> Session:
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        if session is None or session.anonymous:
            raise StanzaError("not-allowed", "only an account has a block list")
        return session

    def changed_elsewhere(self, user: str, before: BlockList, after: BlockList) -> None:
        """Take note of what was changed with `BlockLists.edit`, and tell the clients (§3.3, §3.4)."""
        account = self.host.sessions.accounts.get(user)
        if account is None or before == after:
            return
        self._changed(account, after)
        if after - before:
            self._push(account, _items("block", after - before))
        if before - after:
            self._push(account, _items("unblock", before - after))

    def _changed(self, account: Account, blocked: BlockList) -> None:
        account.data[BlockLists] = blocked

    def _push(self, account: Account, payload: Element) -> None:
        push = Iq(None, None, {"type": "set", "id": f"block{next(self._pushes)}"}, payload)
        for other in account.sessions.values():
            if other.data.get(_INTERESTED):
                other.send(push.readdressed(other.jid, None))

    # ---- enforcing it

    @on(SessionOpened)
    def opened(self, event: SessionOpened) -> Awaitable[None] | None:
        """Have the list at hand while the account is connected."""
        return self._keep_at_hand(event.session) if event.session.user in self.lists.blockers else None

    async def _keep_at_hand(self, session: Session) -> None:
        self._changed(session.account, await self.lists.load(session.user))

    def sent(self, event: StanzaSent) -> Awaitable[None] | None:
        """§3.3: nothing goes to a blocked address.

        Raises:
            StanzaError: not-acceptable with ``<blocked/>``.
        """
        session = event.session
        if session.account.user in self.deferring or event.stanza.to is None:
            return None
        blocked = self._at_hand(session.user)
        if blocked is None:
            return self._sent_later(event)
        self._check_sent(event, blocked)
        return None

    async def _sent_later(self, event: StanzaSent) -> None:
        self._check_sent(event, await self._load(event.session.user))

    def _check_sent(self, event: StanzaSent, blocked: BlockList) -> None:
        assert event.stanza.to is not None
        if self._blocks(event.session.user, blocked, event.stanza.to):
            extra = ("blocked", BLOCKING_ERRORS)
            raise StanzaError("not-acceptable", "you have blocked this address", "cancel", extra)

    def received(self, event: StanzaReceived) -> Awaitable[None] | None:
        """§3.3: nothing comes from a blocked address, to which the account looks as if it were offline.

        Raises:
            StanzaError: service-unavailable for a request, and for a message that asks for an answer.
        """
        if event.user in self.deferring:
            return None
        blocked = self._at_hand(event.user)
        if blocked is None:
            return self._received_later(event)
        self._check_received(event, blocked)
        return None

    async def _received_later(self, event: StanzaReceived) -> None:
        self._check_received(event, await self._load(event.user))

    def _check_received(self, event: StanzaReceived, blocked: BlockList) -> None:
        stanza = event.stanza
        if stanza.from_ is None or not self._blocks(event.user, blocked, stanza.from_):
            return
        if isinstance(stanza, Iq) or (isinstance(stanza, Message) and stanza.type in ("chat", "normal")):
            raise StanzaError("service-unavailable", "nobody is there to take this")
        # A room would put out the occupant who answers its messages with errors.
        event.stop()

    @on(PresenceBroadcast)
    def broadcast(self, event: PresenceBroadcast) -> None:
        """Leave out of a presence broadcast who is blocked."""
        user = event.user
        if user not in self._blockers or user in self.deferring:
            return
        blocked = self._at_hand(user)
        if blocked is None:  # it could not be read: rather tell nobody than somebody who is blocked
            event.to = ()
        else:
            event.to = [jid for jid in event.to if not self._blocks(user, blocked, jid)]

    def _at_hand(self, user: str) -> BlockList | None:
        account = self.host.sessions.accounts.get(user)
        found: BlockList | None = None if account is None else account.data.get(BlockLists)
        return self.lists.known(user) if found is None else found

    async def _load(self, user: str) -> BlockList:
        try:
            return await self.lists.load(user)
        except StorageError:
            raise StanzaError("resource-constraint", "the block list can't be read now") from None

    def _blocks(self, user: str, blocked: BlockList, peer: JID) -> bool:
        return blocks(blocked, peer) and not (
            peer.domain == self.host.name and peer.local in ("", user)  # the server, the account itself
        )

    # ---- contacts see the account go and come (§3.3, §3.4)

    async def _vanish(self, session: Session, before: BlockList, after: BlockList) -> None:
        contacts = await self._contacts(session, blocked=after - before, still=before)
        for jid in contacts:
            for other in session.account.available():
                await self._route(Presence(jid, other.jid, {"type": "unavailable"}))
        for other in list(session.account.sessions.values()):
            for jid in [jid for jid in directed(other) if blocks(after, jid)]:
                # From now on nothing goes there, so that it would not be told of the end.
                del directed(other)[jid]
                if other.presence is None or jid.bare not in contacts:
                    await self._route(Presence(jid, other.jid, {"type": "unavailable"}))

    async def _reappear(self, session: Session, before: BlockList, after: BlockList) -> None:
        for jid in await self._contacts(session, blocked=before - after, still=after):
            for other in session.account.available():
                if other.presence is not None:
                    await self._route(other.presence.readdressed(jid, other.jid))
        # What they have said of themselves meanwhile was dropped.
        roster = await self._rosters.of_session(session)
        ended = before - after
        for jid in [jid for jid in roster.subscriptions if blocks(ended, jid) and not blocks(after, jid)]:
            for other in session.account.available():
                await self._route(Presence(jid, other.jid, {"type": "probe"}))

    async def _contacts(self, session: Session, blocked: BlockList, still: BlockList) -> list[JID]:
        """Who may see the account's presence of those whom `blocked` blocks and `still` does not."""
        roster = await self._rosters.of_session(session)
        found = [jid for jid in roster.subscribers if blocks(blocked, jid)]
        for text in blocked:
            jid = JID.parse(text)
            if jid.local and jid.resource and roster.shows_presence_to(jid.bare) and jid.bare not in blocked:
                found.append(jid)
        return [jid for jid in found if not blocks(still, jid)]

    async def _route(self, stanza: Stanza) -> None:
        waiting = self.host.router.route(stanza)
        if waiting is not None:
            await waiting

    # ---- accounts

    @on(AccountsImported)
    def imported(self, event: AccountsImported) -> None:
        """Take note of who blocks anybody."""
        for user in event.rows.get("blocklist", ()):
            self.lists.found(user)

    @on(AccountRegistered)
    def forget(self, event: AccountRegistered) -> None:
        """A new account blocks nobody, whatever one of its name did."""
        self.lists.forget(event.jid.local)


def _addresses(request: Iq) -> list[JID]:
    """The addresses in a request, each once.

    Raises:
        StanzaError: bad-request without one, jid-malformed.
    """
    payload = request.payload
    assert payload is not None
    found: dict[JID, None] = {}
    for item in payload.elements("item", BLOCKING):
        address = item.get("jid")
        if not address:
            raise StanzaError("bad-request", "an item has no jid")
        try:
            found[JID.parse(address)] = None
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None
    return [*found]


def _is_interested(session: Session) -> bool | None:
    return session.data.get(_INTERESTED)


def _interest(session: Session, interested: bool) -> None:
    session.data[_INTERESTED] = interested


def _items(name: str, jids: BlockList | list[JID]) -> Element:
    payload = Element(name, BLOCKING)
    for jid in sorted(jids):
        payload.add("item", attrs={"jid": jid})
    return payload
