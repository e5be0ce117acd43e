"""XEP-0352: clients say when nobody looks at them, and are left in peace then."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from pydantic import Field

from burble.errors import StreamError
from burble.module import Module, ModuleSettings, nonza, on
from burble.modules.offline import has_content
from burble.namespaces import (
    CARBONS,
    CHAT_MARKERS,
    CHAT_STATES,
    CLIENT,
    CSI,
    FORWARD,
    HINTS,
    MUC_USER,
    PUBSUB_EVENT,
    RECEIPTS,
    STANZA_ID,
)
from burble.routing.events import HostStopping, SessionClosed, SessionResumed, StreamFeatures
from burble.routing.session import Session
from burble.stanza import Message, Presence
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

__all__ = ["Csi", "is_inactive"]

#: Where an inactive session keeps what is held back.
_HELD: Final = "csi.held"


class Csi(Module):
    """Holds back from inactive clients what can wait, and sends it before anything that can't.

    Presence waits, and of each full JID only the newest; so do notifications of personal eventing, of which
    only the newest of each item counts, receipts, markers, and copies of what other clients of the account
    send. Chat states are dropped. Where too much waits, all of it is sent.
    """

    class Settings(ModuleSettings):
        """How much waits for one client."""

        held_stanzas: int = Field(
            default=200, ge=0, description="Stanzas held back from an inactive client at most."
        )
        held_bytes: int = Field(
            default=65536, ge=0, description="Bytes held back from an inactive client at most."
        )

    async def stop(self) -> None:
        """Hold back nothing any more."""
        self.release_all()

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """§4.1: once the client has logged in."""
        if event.stream.login is not None:
            event.features.append(Element("csi", CSI))

    @nonza(CSI)
    def indicated(self, stream: C2SStream, element: Element) -> None:
        """§4.2: the client says what it is; it gets no answer.

        Raises:
            StreamError: not-authorized before a resource is bound; unsupported-stanza-type for anything else.
        """
        session = stream.session
        if not isinstance(session, Session):
            raise StreamError("not-authorized", "bind a resource first (RFC 6120 §7)")
        if element.name == "inactive":
            self.deactivate(session)
        elif element.name == "active":
            self.activate(session)
        else:
            raise StreamError("unsupported-stanza-type", "a client is active or inactive (XEP-0352)")

    def deactivate(self, session: Session) -> None:
        """Hold back what can wait from now on."""
        if not is_inactive(session):
            session.data[_HELD] = held = _Held(session, self.settings)
            session.hold_back(held.hold)

    def activate(self, session: Session) -> None:
        """Send what was held back, before anything else is handled (§5.1)."""
        held: _Held | None = session.data.pop(_HELD, None)
        if held is not None:
            session.hold_back(None)
            held.flush()

    @on(SessionResumed)
    def resumed(self, event: SessionResumed) -> None:
        """§5.2: a resumed stream is active."""
        self.activate(event.session)

    @on(SessionClosed)
    def closed(self, event: SessionClosed) -> None:
        """What could wait is of no use any more."""
        event.session.data.pop(_HELD, None)

    # Before the sessions are closed and what they have not acknowledged is stored.
    @on(HostStopping, priority=100)
    def stopping(self, event: HostStopping) -> None:
        """Hand over what is held back, so that it outlives the restart where the session does."""
        self.release_all()

    def release_all(self) -> None:
        """Treat all clients as active."""
        for session in self.host.sessions:
            self.activate(session)


def is_inactive(session: Session) -> bool:
    """Whether the client has said that nobody looks at it; for the server alone to know (§6)."""
    return _HELD in session.data


class _Held:
    """What is held back from one session, in order."""

    __slots__ = ("_bytes", "_session", "_settings", "_stanzas")

    def __init__(self, session: Session, settings: Csi.Settings) -> None:
        self._session = session
        self._settings = settings
        self._stanzas: dict[Hashable, Element] = {}
        self._bytes = 0

    def hold(self, stanza: Element) -> bool:
        """Keep or drop a stanza that can wait; for one that can't, first send what was kept."""
        if isinstance(stanza, Message) and _is_idle_talk(stanza):
            return True
        key = _key(stanza)
        if key is None:
            self.flush()
            return False
        older = self._stanzas.pop(key, None)
        if older is not None:
            self._bytes -= len(older.to_bytes(CLIENT))
        self._stanzas[key] = stanza
        self._bytes += len(stanza.to_bytes(CLIENT))
        if len(self._stanzas) > self._settings.held_stanzas or self._bytes > self._settings.held_bytes:
            self.flush()
        return True

    def flush(self) -> None:
        """Send what was kept."""
        stanzas, self._stanzas, self._bytes = self._stanzas, {}, 0
        for stanza in stanzas.values():
            self._session.transmit(stanza)


def _is_idle_talk(message: Message) -> bool:
    """Whether a message, or the one that it is a copy of, only says that somebody is typing."""
    return message.type != "error" and not has_content(_original(message))


def _original(message: Message) -> Message:
    """The message that a carbon (XEP-0280) carries, or the message itself."""
    for wrapper in message.elements(ns=CARBONS):
        forwarded = wrapper.child("forwarded", FORWARD)
        inner = forwarded.child("message", CLIENT) if forwarded is not None else None
        if isinstance(inner, Message):
            return inner
    return message


def _key(stanza: Element) -> Hashable | None:
    """What a later stanza must have in common with this one to replace it; None where it can't wait."""
    if isinstance(stanza, Presence):
        can_wait = stanza.type in ("", "unavailable") and not _is_own_in_room(stanza)
        return ("presence", stanza.from_) if can_wait else None
    if not isinstance(stanza, Message) or stanza.type == "error":
        return None
    event = stanza.child("event", PUBSUB_EVENT)
    if event is not None:
        return _notified(stanza, event)
    if stanza.child("sent", CARBONS) is not None:
        return id(stanza)
    return id(stanza) if all(map(_is_signal, _original(stanza).elements())) else None


def _is_signal(child: Element) -> bool:
    """Whether part of a message tells no more than what became of another (XEP-0184, XEP-0333)."""
    if child.ns in (RECEIPTS, CHAT_MARKERS):
        return child.name not in ("request", "markable")
    return child.ns in (HINTS, STANZA_ID, CHAT_STATES) or (child.ns == CLIENT and child.name == "thread")


def _is_own_in_room(presence: Presence) -> bool:
    """Whether a presence tells an occupant about itself: that it has entered, been put out (XEP-0045)."""
    user = presence.child("x", MUC_USER)
    return user is not None and any(each.get("code") == "110" for each in user.elements("status"))


def _notified(message: Message, event: Element) -> Hashable:
    """Which items of which node of whom a notification of personal eventing (XEP-0163) is about."""
    about = event.child()
    if about is None:
        return id(message)
    ids = tuple(each.get("id") for each in about.elements())
    return ("event", message.from_, about.name == "items", about.get("node"), ids)
