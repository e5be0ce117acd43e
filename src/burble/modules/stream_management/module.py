"""The module `stream_management`: what clients ask of it, and the sessions that have it (XEP-0198)."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from burble.errors import StreamError
from burble.jid import JID
from burble.module import Module, ModuleSettings, nonza, on
from burble.modules.stream_management.managed import WRAP, ManagedSession
from burble.modules.stream_management.rerouting import Rerouting
from burble.modules.stream_management.resumption import Resumption
from burble.modules.stream_management.settings import ManagementSettings
from burble.modules.stream_management.storing import Keeper, StoredSession
from burble.namespaces import STANZA_ERRORS, STREAM_MANAGEMENT
from burble.routing.events import AccountRemoved, HostStarted, HostStopping, SessionRestored, StreamFeatures
from burble.routing.session import Session
from burble.sasl import Success
from burble.stanza import Presence, parse_stanza
from burble.storage import StorageError
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.hosts import Host
    from burble.streams.c2s import C2SStream

_log = logging.getLogger("burble.management")

# An xs:unsignedInt; one with more digits is none.
_COUNT: Final = re.compile("[0-9]{1,10}")
# Sessions that are over, of which a client can still learn how much of it has been handled (§5).
_REMEMBERED: Final = 10_000
# How long a resumption waits for what the lost connection still has under way, seconds.
_PATIENCE: Final = 10.0


class StreamManagement(Module):
    """Acknowledges stanzas, keeps those that clients have not acknowledged, and lets clients resume."""

    name = "stream_management"
    settings: ManagementSettings
    Settings = ManagementSettings

    def __init__(self, host: Host, settings: ModuleSettings) -> None:
        super().__init__(host, settings)
        self.keeper = Keeper(self)
        # Every session with stream management.
        self._managed: set[ManagedSession] = set()
        self._resumable: dict[str, ManagedSession] = {}
        self._over: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._removed: set[str] = set()
        self._stopping = False

    async def stop(self) -> None:
        """Store the sessions that wait for their clients; where the server goes on, end them."""
        managed = list(self._managed)
        if self._stopping:
            for one in managed:
                one.rest()
            await self.keeper.save([one for one in managed if one.timeout])
        else:
            for one in managed:
                one.session.close(StreamError("reset", "stream management is not offered any more"))

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """Offer stream management once the client has logged in (§2), unless it has it already (§9.1)."""
        stream = event.stream
        session = None if stream.session is None else self.host.sessions.find(stream.session.jid)
        if stream.login is not None and (session is None or session.management is None):
            event.features.append(Element("sm", STREAM_MANAGEMENT))

    # ---- from the clients

    @nonza(STREAM_MANAGEMENT)
    def received(self, stream: C2SStream, element: Element) -> Awaitable[None] | None:
        """Take an element of stream management; who asks faster than the database writes has to wait.

        Raises:
            StreamError: the client breaks its rules.
        """
        name = element.name
        session = stream.session if isinstance(stream.session, Session) else None
        managed = None if session is None else session.management
        if isinstance(managed, ManagedSession) and name in ("a", "r"):
            if name == "r":
                managed.asked()
                batch = self.host.database.batch
                return batch.room() if batch.full else None
            if (h := _count(element)) is not None:
                managed.acknowledged(h)
                return None
            raise StreamError("policy-violation", "an acknowledgement needs a number h")
        if name == "resume" and session is None and stream.login is not None:
            return self._resume(stream, stream.login, element)
        if name == "enable" and session is not None:
            if managed is not None:
                raise StreamError("policy-violation", "stream management is enabled already")
            stream.send(self.enable(stream, session, element))
        elif name in ("a", "r", "enable", "resume"):
            stream.send(failed("unexpected-request"))
        else:
            raise StreamError("unsupported-stanza-type", f"a client does not send <{name}/>")
        return None

    def enable(self, stream: C2SStream, session: Session, element: Element) -> Element:
        """Manage a session from now on (§3).

        Args:
            stream: the client's.
            session: the session, which it has just opened.
            element: the ``<enable/>``.

        Returns:
            The ``<enabled/>``, to be sent before anything else is.
        """
        settings = self.settings
        wanted = element.get("resume") in ("true", "1") and not session.anonymous
        timeout = settings.resume_timeout if wanted else 0
        if (preferred := _count(element, "max")) is not None:
            timeout = min(timeout, preferred)
        managed = ManagedSession(self, session, secrets.token_urlsafe(18), timeout)
        self._managed.add(managed)
        self._removed.discard(session.user)
        attrs = {}
        if timeout:
            self._resumable[managed.id] = managed
            attrs = {"id": managed.id, "resume": "true", "max": str(timeout)}
            if settings.location:
                attrs["location"] = settings.location
        managed.connect(stream)
        managed.flow()
        session.manage(managed)
        return Element("enabled", STREAM_MANAGEMENT, attrs)

    async def _resume(self, stream: C2SStream, login: Success, element: Element) -> None:
        answer = await self.resume(stream, login, element)
        if isinstance(answer, Resumption):
            stream.send(answer.element)
            await answer.proceed()
        else:
            stream.send(answer)

    async def resume(self, stream: C2SStream, login: Success, element: Element) -> Resumption | Element:
        """Find the session a client wants to go on with (§5), and take it from the connection it had.

        Where two connections ask for the same session at once, the later one gets it.

        Args:
            stream: the client's, logged in and without a session.
            login: who it is.
            element: the ``<resume/>``.

        Returns:
            What to answer and do, or the ``<failed/>`` to answer: the client may bind a resource then.

        Raises:
            StreamError: the client has received more than it was sent (§6).
        """
        id, h = element.get("previd"), _count(element)
        if not id or h is None:
            return failed("bad-request")
        managed = self._resumable.get(id)
        if managed is None or managed.session.user != login.user:
            return self._not_found(id, login.user)
        if not managed.may_have(h):
            return failed("item-not-found", managed.handled)
        managed.claimed_by = stream
        await self._take(managed)
        if stream.closing or not managed.may_go_on_with(stream):
            return self._not_found(id, login.user)
        return Resumption(managed, stream, h)

    async def _take(self, managed: ManagedSession) -> None:
        """Cut a session off from its connection, and wait until what the client sent there is committed."""
        old = managed.session.detach()
        if old is not None:
            managed.disconnect(old)
            managed.wait(managed.timeout)
            old.close(StreamError("conflict", "resumed on another connection"))
        if managed.work is not None and not managed.work.done():
            await asyncio.wait({managed.work}, timeout=_PATIENCE)
        await self.host.database.batch.settled()

    def _not_found(self, id: str, user: str) -> Element:
        owner, handled = self._over.get(id, ("", 0))
        return failed("item-not-found", handled if owner == user else None)

    # ---- sessions that are over

    def ended(self, managed: ManagedSession, priority: int) -> None:
        """A session is over: what its client has not acknowledged goes elsewhere, or back."""
        self._managed.discard(managed)
        user = managed.session.user
        if self._resumable.pop(managed.id, None) is not None:
            self._over[managed.id] = (user, managed.handled)
            if len(self._over) > _REMEMBERED:
                self._over.popitem(last=False)
        stanzas = [(at, data) for at, data in managed.queue if isinstance(data, bytes)]
        managed.queue = []
        self._reroute(managed.session.jid, priority, stanzas)
        if managed.stored_from:
            self.keeper.forget_all(user, managed.id)
        if user in self._removed and not self.host.sessions.of(user):
            self._removed.discard(user)

    def _reroute(self, jid: JID, priority: int, stanzas: list[tuple[float, bytes]]) -> None:
        if not stanzas:
            return
        exists = self.host.authenticator.known(jid.local) is not False and jid.local not in self._removed
        for waiting in Rerouting(self.host, jid, priority, exists).route(stanzas):
            self.host.spawn(_awaited(waiting))

    @on(AccountRemoved)
    def forget_account(self, event: AccountRemoved) -> None:
        """Keep nothing for an account whose sessions are about to be closed: its name may be given again."""
        if self.host.sessions.of(event.jid.local):
            self._removed.add(event.jid.local)

    # ---- restarts

    @on(HostStopping)
    def suspend(self, event: HostStopping) -> None:
        """Cut clients off that may come back after the stop; what is sent to them until then is stored."""
        self._stopping = True
        for managed in list(self._managed):
            if not managed.timeout:
                continue
            managed.note_states()
            if (stream := managed.session.detach()) is not None:
                managed.disconnect(stream)
                managed.wait(managed.timeout)
                stream.close(event.error)

    @on(HostStarted)
    async def restore(self, event: HostStarted) -> None:
        """Have the sessions again that waited when the server stopped; deal with what a crash has left."""
        try:
            stored = await self.keeper.load()
        except StorageError as error:
            _log.error("the sessions that waited for their clients can't be read: %s", error)
            return
        for one in stored:
            jid = JID.build(one.user, self.host.name, one.resource)
            left = one.expires - time.time()
            if one.resource and left > 0:
                await self._restore(one, left)
            else:
                self._reroute(jid, 0, [(at, data) for at, data in one.entries if isinstance(data, bytes)])
                self.keeper.forget_all(one.user, one.id)
                await self.host.database.batch.room()

    async def _restore(self, stored: StoredSession, left: float) -> None:
        state = stored.state
        session = self.host.sessions.restore(stored.user, stored.resource)
        session.since = state["since"]
        session.interested = state["interested"]
        managed = ManagedSession(self, session, stored.id, state["timeout"])
        managed.restore(stored.entries, state["acked"], state["handled"])
        managed.last_active = state["last_active"]
        if stored.entries:
            managed.stored_from = state["acked"] + 1
            managed.stored_to = managed.sent
        self._managed.add(managed)
        self._resumable[managed.id] = managed
        session.manage(managed)
        managed.wait(left)
        for key, saved in state["states"].items():
            if key in self.host.session_states:
                self.host.session_states[key][1](session, saved)
        if stored.presence is not None:
            presence = parse_stanza(stored.presence)
            assert isinstance(presence, Presence)
            self.host.sessions.make_available(session, presence)
            session.available_since = state["available_since"]
        await self.host.emit(SessionRestored(session))


def failed(condition: str, handled: int | None = None) -> Element:
    """The ``<failed/>`` that answers what can't be done (§6)."""
    attrs = {} if handled is None else {"h": str(handled & WRAP)}
    return Element("failed", STREAM_MANAGEMENT, attrs, Element(condition, STANZA_ERRORS))


def _count(element: Element, attribute: str = "h") -> int | None:
    text = element.get(attribute, "") or ""
    if not _COUNT.fullmatch(text) or int(text) > WRAP:
        return None
    return int(text)


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting
