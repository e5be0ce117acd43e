"""The module `push`: devices that sleep are woken through the services of their apps (XEP-0357)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from pydantic import Field

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.carbons import Carbons, is_eligible, recipients
from burble.modules.csi import is_inactive
from burble.modules.offline import Offline
from burble.modules.push.notifications import Summary, is_worth_waking
from burble.modules.push.sender import Sender
from burble.modules.push.store import PushService, PushStore
from burble.modules.roster import Rosters
from burble.namespaces import DATA_FORMS, PUBLISH_OPTIONS, PUBSUB, PUSH
from burble.routing.events import (
    AccountRegistered,
    AccountRemoved,
    HostStopping,
    MessageKept,
    PresenceReceived,
    RoomMessage,
    SessionHibernated,
    SessionResumed,
    StanzaReceived,
)
from burble.routing.session import Account, Session
from burble.stanza import Iq, Message, parse_stanza
from burble.storage import StorageError
from burble.xml import Element

__all__ = ["Push"]

_log = logging.getLogger("burble.push")

#: How many messages a sleeping session has missed.
_MISSED: Final = "push.missed"


class Push(Module):
    """Tells the push services of an account's apps what waits for them.

    All of them hear of a message that was kept because nobody was there to take it, and of a request to
    subscribe; of what a session gets while its connection is lost, or while it is inactive, only its own.
    """

    name = "push"
    account_features = (PUSH,)
    requires = ("roster", "offline", "csi")

    class Settings(ModuleSettings):
        """What push services are told, and how long they are told anything."""

        sender: bool = Field(
            default=False, description="Whether notifications say who sent the last message."
        )
        body: bool = Field(
            default=False, description="Whether notifications contain the text of the last message."
        )
        inactive: bool = Field(
            default=True, description="Whether to notify clients that are connected, but inactive (XEP-0352)."
        )
        failures: int = Field(
            default=10, ge=1, description="Failures in a row after which a service is disabled."
        )
        timeout: float = Field(
            default=30.0, gt=0, description="How long to wait for the answer of a service, seconds."
        )
        services: int = Field(
            default=20, ge=1, description="Services of one account at most; the oldest give way to new ones."
        )
        options_bytes: int = Field(default=8192, ge=0, description="Largest publish options, bytes.")

    async def start(self) -> None:
        """Find out who has enabled notifications."""
        self._offline = self.require(Offline)
        self._rosters = self.require(Rosters)
        self.store = PushStore(self.host.database, self.host.name)
        await self.store.start()
        self._sender = Sender(self.host, self.store)
        self._notifying = asyncio.Lock()
        self._take(self.settings)
        # After everybody who may still stop a message, or change it.
        self.listen(StanzaReceived, self.received, -30, self.store.users)

    async def stop(self) -> None:
        """Send nothing any more."""
        self._sender.stop()

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options."""
        await super().configure(settings)
        self._take(self.settings)

    def _take(self, settings: Settings) -> None:
        self._sender.timeout = settings.timeout
        self._sender.most_failures = settings.failures

    @on(HostStopping)
    def stopping(self, event: HostStopping) -> None:
        """Wait for no service."""
        self._sender.stop()

    # ---- enabling (§5, §6)

    @iq(PUSH, "enable", to="account", type="set")
    async def enable(self, request: Iq) -> None:
        """Send notifications to a service.

        Raises:
            StanzaError: bad-request, jid-malformed, policy-violation.
        """
        session, payload, jid = self._read(request)
        node = payload.get("node") or ""
        options = self._options(payload)
        service = PushService(jid, node, session.jid.resource, options)
        await self.store.enable(session.user, service, self.settings.services)
        self._sender.forget(session.user, jid, node)

    @iq(PUSH, "disable", to="account", type="set")
    async def disable(self, request: Iq) -> None:
        """Send notifications to a service no more.

        Raises:
            StanzaError: item-not-found, where it was not enabled; bad-request, jid-malformed.
        """
        session, payload, jid = self._read(request)
        if not await self.store.disable(session.user, jid, payload.get("node")):
            raise StanzaError("item-not-found", "this service was not enabled")

    def _read(self, request: Iq) -> tuple[Session, Element, JID]:
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        if session is None or session.anonymous:
            raise StanzaError("not-allowed", "only an account can have push notifications")
        payload = request.payload
        assert payload is not None
        try:
            jid = JID.parse(payload.get("jid") or "")
        except JIDError as error:
            if payload.get("jid"):
                raise StanzaError("jid-malformed", str(error)) from None
            raise StanzaError("bad-request", "the jid of a push service is missing") from None
        return session, payload, jid

    def _options(self, payload: Element) -> Element | None:
        """The publish options, a form that is passed on as it is."""
        form = payload.child("x", DATA_FORMS)
        if form is None:
            return None
        types = [
            field.child_text("value", DATA_FORMS)
            for field in form.elements("field", DATA_FORMS)
            if field.get("var") == "FORM_TYPE"
        ]
        if form.get("type") != "submit" or types != [PUBLISH_OPTIONS]:
            raise StanzaError("bad-request", f"expected a submitted form of type {PUBLISH_OPTIONS}")
        if len(form.to_bytes()) > self.settings.options_bytes:
            raise StanzaError("policy-violation", f"at most {self.settings.options_bytes} bytes of options")
        return form

    @on(AccountRegistered)
    def forget(self, event: AccountRegistered) -> None:
        """A new account has no services, whatever one of its name had."""
        self.store.users.discard(event.jid.local)

    @on(AccountRemoved)
    def removed(self, event: AccountRemoved) -> None:
        """Notify nobody of an account that is going."""
        self.store.users.discard(event.jid.local)

    # ---- what there is to tell (§7)

    @on(MessageKept)
    def kept(self, event: MessageKept) -> None:
        """Nobody was there to take a message: all services hear of it."""
        if event.user in self.store.users and is_worth_waking(event.message):
            summary = self._summary(self._offline.kept(event.user), event.message)
            self.host.spawn(self._notify(event.user, summary))

    def received(self, event: StanzaReceived) -> None:
        """Of what a sleeping session gets, its own service hears."""
        message = event.stanza
        account = self.host.sessions.accounts.get(event.user)
        if account is None or not isinstance(message, Message):
            return
        if message.from_ is not None and (said := message.child("pubsub", PUBSUB)) is not None:
            self._maybe_disabled(event, message.from_, said)
            return
        if is_worth_waking(message):
            for session in self._reached(account, message):
                if not session.connected or (is_inactive(session) and self.settings.inactive):
                    self._missed(session, [message])

    def _reached(self, account: Account, message: Message) -> list[Session]:
        """The sessions that get a message, or a copy of it (XEP-0280)."""
        reached = recipients(account, message)
        carbons = self.host.modules.get(Carbons.name)
        if reached and isinstance(carbons, Carbons) and is_eligible(message):
            others = account.sessions.values()
            reached += [each for each in others if each not in reached and carbons.enabled(each)]
        return reached

    @on(SessionHibernated)
    def hibernated(self, event: SessionHibernated) -> None:
        """A connection is lost: what the client has not acknowledged may never have reached it."""
        session = event.session
        if session.user in self.store.users and session.management is not None:
            unseen = map(parse_stanza, session.management.unacknowledged())
            messages = [each for each in unseen if isinstance(each, Message) and is_worth_waking(each)]
            if messages:
                self._missed(session, messages)

    @on(SessionResumed)
    def resumed(self, event: SessionResumed) -> None:
        """The client is back and gets all that it missed."""
        event.session.data.pop(_MISSED, None)

    def _missed(self, session: Session, messages: Sequence[Message]) -> None:
        missed = len(messages)
        if not session.connected:
            missed = session.data[_MISSED] = session.data.get(_MISSED, 0) + missed
        summary = self._summary(missed, messages[-1])
        self.host.spawn(self._notify(session.user, summary, session.jid.resource))

    @on(RoomMessage)
    def missed_in_room(self, event: RoomMessage) -> None:
        """Members of a room miss what is said in it: all services of those who are offline hear of it."""
        if not self.store.users or not is_worth_waking(event.message):
            return
        for jid in event.absent:
            account = self.host.sessions.accounts.get(jid.local)
            if (
                jid.domain == self.host.name
                and jid.local in self.store.users
                and (account is None or not account.available())
            ):
                summary = self._summary(self._offline.kept(jid.local) + 1, event.message)
                self.host.spawn(self._notify(jid.local, summary))

    @on(PresenceReceived, priority=-10)
    async def asked(self, event: PresenceReceived) -> None:
        """Somebody asks to subscribe to the presence of an account while nobody is there."""
        account = self.host.sessions.accounts.get(event.user)
        if event.presence.type != "subscribe" or event.user not in self.store.users:
            return
        if account is None or not account.available():
            roster = await self._rosters.store.load(event.user)
            kept = self._offline.kept(event.user)
            self.host.spawn(self._notify(event.user, Summary(kept, len(roster.requests))))

    def _summary(self, messages: int, last: Message) -> Summary:
        summary = Summary(messages)
        if self.settings.sender:
            summary.sender = last.from_ or ""
        if self.settings.body:
            summary.body = last.body or ""
        return summary

    async def _notify(self, user: str, summary: Summary, resource: str | None = None) -> None:
        """Tell all services of an account, or those that one client has enabled, in the order of calls."""
        async with self._notifying:
            try:
                services = await self.store.load(user)
            except StorageError as error:
                _log.error("nobody can be notified for %s@%s now: %s", user, self.host.name, error)
                return
            for service in services:
                if resource is None or service.resource == resource:
                    self._sender.notify(user, service, summary)

    # ---- what services say (§8)

    def _maybe_disabled(self, event: StanzaReceived, service: JID, pubsub: Element) -> None:
        """A service may say that it takes no more notifications."""
        affiliation = pubsub.child("affiliation", PUBSUB)
        if affiliation is None or affiliation.get("affiliation") != "none":
            return
        event.stop()
        self.host.spawn(self.store.disable(event.user, service, pubsub.get("node")))
