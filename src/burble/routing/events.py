"""The events a virtual host tells of; modules listen with ``@on(EventClass)``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from burble.discovery import Info
from burble.errors import StreamError
from burble.hooks import Event
from burble.jid import JID
from burble.namespaces import DISCO_ITEMS
from burble.stanza import Iq, Message, Presence, Stanza
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.session import Session
    from burble.streams.c2s import C2SStream


class StreamFeatures(Event):
    """A client's stream is about to offer its features (RFC 6120 §4.3.2): append to `features`."""

    __slots__ = ("features", "stream")

    def __init__(self, stream: C2SStream) -> None:
        self.stopped = False
        self.stream = stream
        self.features: list[Element] = []


class RequestBeforeLogin(Event):
    """A client that has not logged in asks something, such as to register: set `answer`."""

    __slots__ = ("answer", "request", "stream")

    def __init__(self, stream: C2SStream, request: Iq) -> None:
        self.stopped = False
        self.stream = stream
        self.request = request
        self.answer: Iq | None = None


class SessionOpened(Event):
    """A client has bound a resource."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.stopped = False
        self.session = session


class SessionClosed(Event):
    """A session is over: it can't be reached any more. Its account's other sessions may live on."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.stopped = False
        self.session = session


class SessionHibernated(Event):
    """A session has lost its connection and waits for its client to resume it (XEP-0198 §5).

    Stanzas for it are kept; it is still available, if it was.

    Attributes:
        session: it; `Session.management` knows what the client has not acknowledged.
        last_active: when the client last gave a sign of life that was noted, seconds since the epoch.
    """

    __slots__ = ("last_active", "session")

    def __init__(self, session: Session, last_active: float) -> None:
        self.stopped = False
        self.session = session
        self.last_active = last_active


class SessionResumed(Event):
    """A client has come back to its session (XEP-0198 §5), and has been sent what it missed."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.stopped = False
        self.session = session


class SessionRestored(Event):
    """A session that hibernated when the server stopped is there again and waits for its client."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.stopped = False
        self.session = session


class StanzaSent(Event):
    """A client sent a stanza, not routed yet. Stop it to swallow it, raise `StanzaError` to refuse it.

    A handler may put another stanza in its place (`stanza`): that goes on.
    """

    __slots__ = ("session", "stanza")

    def __init__(self, session: Session, stanza: Stanza) -> None:
        self.stopped = False
        self.session = session
        self.stanza = stanza


class StanzaReceived(Event):
    """A stanza has arrived for an account (`user`), not delivered yet. Stop or refuse it as `StanzaSent`."""

    __slots__ = ("stanza", "user")

    def __init__(self, user: str, stanza: Stanza) -> None:
        self.stopped = False
        self.user = user
        self.stanza = stanza


class RequestReceived(Event):
    """An IQ request has arrived for a full JID, connected or not. Raise `StanzaError` to refuse it."""

    __slots__ = ("request",)

    def __init__(self, request: Iq) -> None:
        self.stopped = False
        self.request = request


class MessageUndelivered(Event):
    """Nobody is there to take a message of type chat or normal: stop the event once it is kept."""

    __slots__ = ("message", "user")

    def __init__(self, user: str, message: Message) -> None:
        self.stopped = False
        self.user = user
        self.message = message


class MessageKept(Event):
    """A message that nobody was there to take has been kept for its account. Handlers are plain functions."""

    __slots__ = ("message", "user")

    def __init__(self, user: str, message: Message) -> None:
        self.stopped = False
        self.user = user
        self.message = message


class RoomMessage(Event):
    """Somebody has said something in a room of the host that some of its members miss (XEP-0045).

    Handlers are plain functions.

    Attributes:
        message: as occupants get it.
        absent: the bare JIDs of members that have registered a nick with the room, and are not in it.
    """

    __slots__ = ("absent", "message")

    def __init__(self, message: Message, absent: Sequence[JID]) -> None:
        self.stopped = False
        self.message = message
        self.absent = absent


class PresenceSent(Event):
    """A client sent a presence stanza of any type, with or without an addressee."""

    __slots__ = ("presence", "session")

    def __init__(self, session: Session, presence: Presence) -> None:
        self.stopped = False
        self.session = session
        self.presence = presence


class PresenceReceived(Event):
    """A subscription stanza, an error that answers one, or a probe has arrived for an account.

    RFC 6121 §3, §4.3.
    """

    __slots__ = ("presence", "user")

    def __init__(self, user: str, presence: Presence) -> None:
        self.stopped = False
        self.user = user
        self.presence = presence


class PresenceFailed(Event):
    """An error has come back for a presence that a session sent or that was sent for it.

    The session is told as well. Handlers are plain functions.
    """

    __slots__ = ("error", "session")

    def __init__(self, session: Session, error: Presence) -> None:
        self.stopped = False
        self.session = session
        self.error = error


class ServerPresenceReceived(Event):
    """A presence stanza of any type has arrived for the host itself."""

    __slots__ = ("presence",)

    def __init__(self, presence: Presence) -> None:
        self.stopped = False
        self.presence = presence


class ServerMessageReceived(Event):
    """A message that is no error has arrived for the host itself, or its chat service.

    Stop it, or its sender is told that nobody reads it. Raise `StanzaError` to refuse it.
    """

    __slots__ = ("message",)

    def __init__(self, message: Message) -> None:
        self.stopped = False
        self.message = message


class RosterChanged(Event):
    """A contact was put into a roster, changed or taken out (RFC 6121 §2.1.6). Handlers are plain functions.

    Attributes:
        user: whose roster it is.
        push: what the account's clients are told, without addresses.
    """

    __slots__ = ("push", "user")

    def __init__(self, user: str, push: Iq) -> None:
        self.stopped = False
        self.user = user
        self.push = push


class BecomingAvailable(Event):
    """A session sent its first presence; messages for the account reach it once all handlers are done.

    What was kept for the account is sent from here, so that nothing newer overtakes it.
    """

    __slots__ = ("presence", "session")

    def __init__(self, session: Session, presence: Presence) -> None:
        self.stopped = False
        self.session = session
        self.presence = presence


class PresenceBroadcast(Event):
    """An account's presence is about to be sent to others who may see it: replace `to` to leave some out.

    Handlers are plain functions.

    Attributes:
        user: whose account it is.
        session: the session whose presence it is; None where it is all the same for the account's sessions.
        to: who is to get it.
    """

    __slots__ = ("session", "to", "user")

    def __init__(self, user: str, to: Sequence[JID], session: Session | None = None) -> None:
        self.stopped = False
        self.user = user
        self.to = to
        self.session = session


class UserAvailable(Event):
    """A session has become available (RFC 6121 §4.2)."""

    __slots__ = ("presence", "session")

    def __init__(self, session: Session, presence: Presence) -> None:
        self.stopped = False
        self.session = session
        self.presence = presence


class UserUnavailable(Event):
    """A session has become unavailable (RFC 6121 §4.5), by its own word or because it is gone."""

    __slots__ = ("presence", "session")

    def __init__(self, session: Session, presence: Presence) -> None:
        self.stopped = False
        self.session = session
        self.presence = presence


class HostStarted(Event):
    """All modules of the host are loaded; clients can connect next."""

    __slots__ = ()


class HostStopping(Event):
    """The host is about to close all its sessions with an error: the last moment to tell them something.

    Handlers are plain functions.
    """

    __slots__ = ("error",)

    def __init__(self, error: StreamError) -> None:
        self.stopped = False
        self.error = error


class AccountRegistered(Event):
    """An account has been made."""

    __slots__ = ("jid",)

    def __init__(self, jid: JID) -> None:
        self.stopped = False
        self.jid = jid


class AccountsImported(Event):
    """Accounts were made by writing their rows: what is remembered of their names is not so any more.

    Attributes:
        users: their localparts.
        rows: how many rows each has in a table, by the table's name: ``rows["offline_messages"]["juliet"]``.
    """

    __slots__ = ("rows", "users")

    def __init__(self, users: Collection[str], rows: Mapping[str, Mapping[str, int]]) -> None:
        self.stopped = False
        self.users = users
        self.rows = rows


class AccountRemoved(Event):
    """An account is about to be removed; its sessions are closed and its rows deleted after the handlers."""

    __slots__ = ("jid",)

    def __init__(self, jid: JID) -> None:
        self.stopped = False
        self.jid = jid


class ModulesChanged(Event):
    """What the host announces may have changed: a module was loaded, unloaded or given other options."""

    __slots__ = ()


class DescribeHost(Event):
    """What the host and its accounts say they are (XEP-0030 §3) is put together: add to it.

    Handlers are plain functions; features need not be added, see `Module.features`.

    Attributes:
        server: what the server says.
        account: what it says for each of its accounts.
    """

    __slots__ = ("account", "server")

    def __init__(self, server: Info, account: Info) -> None:
        self.stopped = False
        self.server = server
        self.account = account


class NodeInfoRequested(Event):
    """Somebody asks what a node of the server or of an account is (XEP-0030 §3.2).

    Attributes:
        request: who asks whom; of an account only those who may see its presence get here.
        node: the node.
        info: what the node is; to be set by who knows it, which also stops the event.
    """

    __slots__ = ("info", "node", "request")

    def __init__(self, request: Iq, node: str) -> None:
        self.stopped = False
        self.request = request
        self.node = node
        self.info: Info | None = None


class ItemsRequested(Event):
    """Somebody asks what belongs to the server, to an account or to a node of theirs (XEP-0030 §4).

    Attributes:
        request: who asks whom. Whether the account exists, and whether this asker may know of an item,
            is the handler's to check.
        node: the node; "" where none is asked for.
        items: what there is; None for a node that nobody has answered for.
    """

    __slots__ = ("items", "node", "request")

    def __init__(self, request: Iq, node: str) -> None:
        self.stopped = False
        self.request = request
        self.node = node
        self.items: list[Element] | None = None if node else []

    def add(self, jid: str, name: str = "", node: str = "") -> None:
        """Add an item: its address, its name for people, and its node where the address has several."""
        attrs = {"jid": jid}
        if name:
            attrs["name"] = name
        if node:
            attrs["node"] = node
        if self.items is None:
            self.items = []
        self.items.append(Element("item", DISCO_ITEMS, attrs))


class ComponentConnected(Event):
    """An external component (XEP-0114) has connected; it had no connection before."""

    __slots__ = ("domain",)

    def __init__(self, domain: JID) -> None:
        self.stopped = False
        self.domain = domain


class ComponentGone(Event):
    """An external component has lost its last connection."""

    __slots__ = ("domain",)

    def __init__(self, domain: JID) -> None:
        self.stopped = False
        self.domain = domain
