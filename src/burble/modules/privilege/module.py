"""The module `privilege`: components that act for the server and its accounts (XEP-0356)."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.carbons import Carbons
from burble.modules.privilege import rosters
from burble.modules.privilege.forwarding import message_for, request_for, wrapped
from burble.modules.privilege.presences import PresenceRelay, concerns
from burble.modules.privilege.settings import Privileges, PrivilegeSettings
from burble.modules.roster import Rosters
from burble.namespaces import PRIVILEGE, ROSTER
from burble.routing.events import (
    ComponentConnected,
    RequestReceived,
    RosterChanged,
    ServerMessageReceived,
    StanzaReceived,
    StanzaSent,
    UserAvailable,
    UserUnavailable,
)
from burble.routing.session import Account, Session
from burble.stanza import Iq, Message, Presence, Stanza

__all__ = ["Privilege"]


class Privilege(Module):
    """Lets components see and change rosters, send for accounts, and see who is there (XEP-0356)."""

    name = "privilege"
    requires = ("roster",)
    Settings = PrivilegeSettings

    settings: PrivilegeSettings

    async def start(self) -> None:
        """Tell the components that are connected what they may do."""
        self._rosters = self.require(Rosters)
        self._relay = PresenceRelay(self.host, self._rosters)
        # Before those who let only an account's owner ask, and after those who refuse what is not wanted.
        self.listen(StanzaReceived, self.asked, 100, stanzas=self._is_roster_request)
        self.listen(StanzaReceived, self.heard, -20, stanzas=self._is_presence)
        self._greet(self.settings.entities)

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options, and tell those components what has changed for them."""
        before = self.settings.entities
        await super().configure(settings)
        self._greet(entity for entity, each in self.settings.entities.items() if before.get(entity) != each)

    # ---- who may

    def _privileges(self, sender: JID | None) -> Privileges | None:
        """What the sender of a stanza may do; None where it is no privileged component itself."""
        return self.settings.entities.get(sender.bare) if sender is not None else None

    def _connected(self, *presence: str) -> Iterator[JID]:
        """The components that are connected, and have one of these privileges of presence."""
        for entity in self.host.router.components:
            granted = self.settings.entities.get(entity)
            if granted is not None and granted.presence in presence:
                yield JID.parse(entity)

    def _greet(self, entities: Iterable[str]) -> None:
        for entity in entities:
            if entity in self.host.router.components:
                self._introduce(JID.parse(entity))

    @on(ComponentConnected)
    def connected(self, event: ComponentConnected) -> None:
        """Tell a component what it may do, once it has connected (§4.2)."""
        if event.domain in self.settings.entities:
            self._introduce(event.domain)

    def _introduce(self, entity: JID) -> None:
        granted = self.settings.entities[entity]
        privilege = granted.element()
        if privilege is None:
            return
        self.host.router.route(Message(entity, self.host.jid, None, privilege))
        if granted.presence != "none":
            self._relay.introduce(entity, contacts=granted.presence == "roster")

    # ---- rosters (§4)

    def _is_roster_request(self, stanza: Stanza) -> bool:
        if not isinstance(stanza, Iq) or self._privileges(stanza.from_) is None:
            return False
        payload = stanza.payload
        return stanza.type in ("get", "set") and payload is not None and payload.ns == ROSTER

    async def asked(self, event: StanzaReceived) -> None:
        """A component asks for an account's roster, or changes it.

        Raises:
            StanzaError: forbidden, where it may not; item-not-found, where there is no such account; as
                RFC 6121 §2 says.
            StorageError: the roster can't be read or stored.
        """
        request = event.stanza
        assert isinstance(request, Iq)
        assert request.from_ is not None
        assert request.to is not None
        if request.to.resource:
            return
        granted = self._privileges(request.from_)
        if granted is None or granted.roster not in (request.type, "both"):
            raise StanzaError("forbidden", f"you may not {request.type} rosters here")
        event.stop()
        if not await self.host.authenticator.exists(event.user):
            raise StanzaError("item-not-found", "there is no such account")
        answer = await rosters.answer(self._rosters, request.from_.bare, request)
        waiting = self.host.router.route(request.reply(answer))
        if waiting is not None:
            await waiting

    @on(RosterChanged)
    def push(self, event: RosterChanged) -> None:
        """Tell components of a changed contact (§4.4)."""
        owner = JID.build(event.user, self.host.name)
        for entity in self.host.router.components:
            granted = self.settings.entities.get(entity)
            if granted is not None and granted.push and granted.reads_rosters:
                self.host.router.route(event.push.readdressed(JID.parse(entity), owner))

    # ---- messages (§5)

    @on(ServerMessageReceived)
    async def send(self, event: ServerMessageReceived) -> None:
        """A component has a message sent in the name of the host or of an account.

        The account's clients get copies, and its archive keeps it, as if one of them had sent it.

        Raises:
            StanzaError: forbidden, where the component may not; what the message itself is refused for.
        """
        wrapper = event.message
        granted = self._privileges(wrapper.from_)
        if granted is None or wrapper.child("privilege", PRIVILEGE) is None:
            return
        if granted.message != "outgoing":
            raise StanzaError("forbidden", "you may not send messages for others")
        message = message_for(wrapper, self.host.name)
        if message is None:
            raise StanzaError("bad-request", "there is no message in it")
        event.stop()
        assert message.from_ is not None
        if message.from_.local:
            await self._send_for(message.from_, message)
        else:
            await self._route(message)

    async def _send_for(self, owner: JID, message: Message) -> None:
        host, user = self.host, owner.local
        if not await host.authenticator.exists(user):
            raise StanzaError("forbidden", "there is no such account")
        account = host.sessions.accounts.get(user) or Account(user)
        # Nobody's session has sent it, but it goes the way of what one sends.
        sending = StanzaSent(Session(host, account, owner, None, False), message)
        waiting = host.hooks.emit(sending, user, message)
        if waiting is not None:
            await waiting
        if sending.stopped:
            return
        carbons = host.modules.get(Carbons.name)
        if isinstance(carbons, Carbons):
            carbons.sent_for(sending)
        await self._route(sending.stanza)

    async def _route(self, stanza: Stanza) -> None:
        waiting = self.host.router.route(stanza)
        if waiting is not None:
            await waiting

    # ---- requests (§6)

    @iq(PRIVILEGE, "privileged_iq", to="account", owner_only=False, any_account=True, discipline="parallel")
    async def ask(self, request: Iq) -> Iq:
        """A component has a request sent in the name of an account; its answer is the component's.

        Raises:
            StanzaError: forbidden, where it may not; remote-server-timeout, where nobody answers.
        """
        granted = self._privileges(request.from_)
        assert request.to is not None
        if granted is None or not await self.host.authenticator.exists(request.to.local):
            raise StanzaError("forbidden", "you may not send requests for others")
        asked = request_for(request, granted)
        id_ = asked.id
        answer = await self.host.local.ask_as(asked)
        reply = request.reply(wrapped(answer, id_))
        if answer.type == "error":
            reply.attrs["type"] = "error"
            if (error := answer.child("error")) is not None:
                reply.append(error)
        return reply

    @iq(PRIVILEGE, "privileged_iq")
    def refuse(self, request: Iq) -> None:
        """Only accounts can be spoken for (§6.3).

        Raises:
            StanzaError: forbidden.
        """
        raise StanzaError("forbidden", "send this to the bare address of an account")

    @on(RequestReceived)
    def refuse_for_resource(self, event: RequestReceived) -> None:
        """The same for the full address of one.

        Raises:
            StanzaError: forbidden.
        """
        payload = event.request.payload
        if payload is not None and payload.ns == PRIVILEGE:
            self.refuse(event.request)

    # ---- presence (§7)

    @on(UserAvailable)
    @on(UserUnavailable)
    def moved(self, event: UserAvailable | UserUnavailable) -> None:
        """Tell components that a client has come, or gone."""
        self._relay.pass_on(event.presence, event.session.jid, self._connected("managed_entity", "roster"))

    def _is_presence(self, stanza: Stanza) -> bool:
        return concerns(self.host.name, stanza) and self._privileges(stanza.from_) is None

    def heard(self, event: StanzaReceived) -> Awaitable[None] | None:
        """Tell components of the contacts of accounts (§7.4)."""
        presence = event.stanza
        if not any(each.presence == "roster" for each in self.settings.entities.values()):
            return None
        assert isinstance(presence, Presence)
        return self._relay.heard(event.user, presence, list(self._connected("roster")))
