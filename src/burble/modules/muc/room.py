"""The state of a room, without any I/O: who is in it, who may what, what was said.

Rules are plain functions of a room and a stanza. A rule checks first and raises `StanzaError` while nothing
has changed; then it changes the room by the methods here and returns what is to be sent, in order. What
must be stored is noted in `Room.unsaved`, which the service takes and stores.
"""

from __future__ import annotations

import hmac
import unicodedata
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from burble.delay import delay
from burble.jid import JID
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.stanza import Message, Presence
from burble.xml import Element

#: What of a room is to be stored: one of its parts; of affiliations, nicks, hats whose, of the history what.
Part = Literal["config", "affiliation", "nick", "hats", "subject", "vcard", "history"]

# Private messages for which errors are awaited: they come within seconds.
_PRIVATE: Final = 200


@dataclass(frozen=True, slots=True)
class Hat:
    """A title that somebody wears in a room (XEP-0317).

    Attributes:
        uri: what it is, for programs.
        title: what it is, for people.
        lang: the language of the title.
        hue: the angle of its colour; as text, since it is only handed on.
    """

    uri: str
    title: str
    lang: str = ""
    hue: str = ""


class Shown(NamedTuple):
    """A presence that was made of an occupant, and what it was made of (see `presences.seen`)."""

    base: Presence
    role: Role
    affiliation: Affiliation
    hats: tuple[Hat, ...] | None
    presence: Presence


@dataclass(slots=True, eq=False)
class Occupant:
    """Somebody in a room, perhaps with several clients under one nick.

    Attributes:
        nick: the nick.
        address: ``room@service/nick``, from which the others hear of it.
        account: the real bare JID.
        role: what it may do.
        id: the same in this room whatever the nick (XEP-0421).
        sessions: the latest presence of each client by its full JID, as it was sent; never empty.
        shown: its presence as the others are sent it, with and without real address; see `presences.seen`.
    """

    nick: str
    address: JID
    account: JID
    role: Role
    id: str
    sessions: dict[JID, Presence] = field(default_factory=dict)
    shown: dict[bool, Shown] = field(default_factory=dict, repr=False)

    @property
    def presence(self) -> Presence:
        """The presence the others see: that of the client that sent one last."""
        return next(reversed(self.sessions.values()))

    @property
    def session(self) -> JID:
        """The client that sent a presence last, to which goes what is for one client only."""
        return next(reversed(self.sessions))


@dataclass(slots=True)
class Spoken:
    """A message of the history.

    Attributes:
        message: as it was sent to the occupants, from the sender's address in the room. To change it,
            put another in its place.
        at: when, seconds since the epoch.
        sender: the real bare JID; None for the room's own.
        id: its stanza id (XEP-0359).
        size: how many bytes it had first, as XML.
    """

    message: Message
    at: float
    sender: JID | None
    id: str
    size: int = field(init=False, repr=False, compare=False)
    _stamped: tuple[Message, Message] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.size = len(self.message.to_bytes())

    def stamped(self, room: JID) -> Message:
        """The message as newcomers are sent it, with the time it was sent first (XEP-0045 §7.2.13)."""
        if self._stamped is None or self._stamped[0] is not self.message:
            self._stamped = (self.message, stamped(self.message, self.at, room))
        return self._stamped[1]


class Retracted(NamedTuple):
    """A message that was taken back (XEP-0424, XEP-0425).

    Attributes:
        id: its stanza id.
        by: the account that must have said it; None where a moderator takes back what others said.
        tombstone: what is to take the place of what it said.
    """

    id: str
    by: JID | None
    tombstone: Element


@dataclass(slots=True)
class Standing:
    """The affiliation of an account or domain, and why.

    Attributes:
        affiliation: never ``none``: such are not kept.
        reason: what the one who gave it said.
    """

    affiliation: Affiliation
    reason: str = ""


class Room:
    """A room.

    Args:
        jid: its address.
        config: its configuration.
        secret: what occupant ids are derived from (XEP-0421).
        limits: what the service allows.

    Attributes:
        standings: the affiliations, by bare JID or domain.
        hats: what accounts wear, by bare JID (XEP-0317).
        occupants: by nick.
        present: the occupant of each client in the room, by its full JID.
        subject: as newcomers are sent it, with the time of the change; None where none was ever set.
        vcard: the vCard with its avatar; None where it has none (XEP-0486).
        history: what newcomers may be sent, oldest first.
        private: the private messages that were handed on lately: to which client, from which address in the
            room, with which id (a hash of it, since ids can be long).
        asked: what was asked lately for whom, and when; the longest ago first (see `asking`).
        locked: whether it awaits its first configuration (§10.1).
        destroyed: whether an owner has destroyed it, so that the service has to forget it (§10.9).
        unsaved: what was changed since the service last took it.
        unarchived: what was said since then, each with the client that said it; None for the room's own.
        retracted: what was taken back since then.
        archivable: whether the service has an archive.
        new_id: gives the stanza ids of what is said (XEP-0359).
    """

    def __init__(self, jid: JID, config: RoomConfig, secret: bytes, limits: RoomLimits | None = None) -> None:
        self.jid = jid
        self.config = config
        self.secret = secret
        self.limits = limits or RoomLimits()
        self.standings: dict[JID, Standing] = {}
        self.hats: dict[JID, tuple[Hat, ...]] = {}
        self.occupants: dict[str, Occupant] = {}
        self.present: dict[JID, Occupant] = {}
        self.subject: Message | None = None
        self.vcard: Element | None = None
        self.history: deque[Spoken] = deque()
        self.private: deque[tuple[JID, JID, int]] = deque(maxlen=_PRIVATE)
        self.asked: dict[tuple[str, JID], float] = {}
        self.locked = False
        self.destroyed = False
        self.unsaved: list[tuple[Part, JID | Spoken | None]] = []
        self.unarchived: list[tuple[Spoken, JID | None]] = []
        self.retracted: list[Retracted] = []
        self.archivable = False
        self.new_id: Callable[[], str] = _new_id
        self._nicks: dict[JID, str] = {}
        self._alike: dict[str, Occupant] = {}
        self._holders: dict[str, JID] = {}
        self._history_size = 0

    @property
    def archived(self) -> bool:
        """Whether what is said goes into the archive: not in rooms that end with the last occupant."""
        return self.archivable and self.config.archiving and self.config.persistent

    # ---- who may what

    @property
    def nicks(self) -> Mapping[JID, str]:
        """The registered nick of each member that has one, by bare JID (§7.10); see `register`."""
        return MappingProxyType(self._nicks)

    def affiliation(self, jid: JID) -> Affiliation:
        """The affiliation of an account: its own, or that of its domain (§9.2)."""
        standing = self.standings.get(jid.bare) or self.standings.get(JID.parse(jid.domain))
        return Affiliation.NONE if standing is None else standing.affiliation

    def first_role(self, affiliation: Affiliation) -> Role:
        """The role that somebody of an affiliation enters with (§5.1.2)."""
        if affiliation >= Affiliation.ADMIN:
            return Role.MODERATOR
        if affiliation is Affiliation.OUTCAST:
            return Role.NONE
        if affiliation is Affiliation.NONE and self.config.moderated:
            return Role.VISITOR
        return Role.PARTICIPANT

    def sees_addresses(self, role: Role) -> bool:
        """Whether occupants of a role are told the real addresses of all (§4.2, semi-anonymous)."""
        return role is Role.MODERATOR or self.config.whois == "anyone"

    def shows(self, role: Role) -> bool:
        """Whether the others are told of the presence of those of a role (§10.2, presencebroadcast)."""
        return str(role) in self.config.presence_broadcast

    def grant(self, jid: JID, affiliation: Affiliation, reason: str = "") -> None:
        """Give an account or a domain an affiliation; none takes it away."""
        if affiliation is Affiliation.NONE:
            self.standings.pop(jid, None)
        else:
            self.standings[jid] = Standing(affiliation, reason)
        self.unsaved.append(("affiliation", jid))

    def register(self, jid: JID, nick: str) -> None:
        """Keep a nick for an account, instead of the one it had; with none, give that back (§7.10)."""
        if (old := self._nicks.pop(jid, None)) is not None:
            self._holders.pop(likeness(old), None)
        if nick:
            self._nicks[jid] = nick
            self._holders[likeness(nick)] = jid
        self.unsaved.append(("nick", jid))

    def holder(self, nick: str) -> JID | None:
        """The account that has registered a nick, or one that looks like it."""
        return self._holders.get(likeness(nick))

    def wear(self, jid: JID, hats: tuple[Hat, ...]) -> None:
        """Let an account wear these hats and no others (XEP-0317)."""
        if hats:
            self.hats[jid] = hats
        else:
            self.hats.pop(jid, None)
        self.unsaved.append(("hats", jid))

    # ---- who is in it

    def namesake(self, nick: str) -> Occupant | None:
        """The occupant of a nick, or of one that differs from it in case or spaces only."""
        return self._alike.get(likeness(nick))

    def occupant_id(self, account: JID) -> str:
        """What stands for an account in this room, whatever its nick (XEP-0421 §4.1)."""
        return hmac.digest(self.secret, f"{self.jid} {account}".encode(), "sha256").hex()[:40]

    def enter(self, presence: Presence, address: JID, role: Role) -> Occupant:
        """Let a client in; where its account has the nick already, to that occupant.

        Args:
            presence: what it sent, from its full JID.
            address: its address in the room, with the nick it gets.
            role: the role it gets where it is a new occupant.
        """
        session = presence.from_
        assert session is not None
        nick = address.resource
        occupant = self.occupants.get(nick)
        if occupant is None:
            account = session.bare
            occupant = Occupant(nick, address, account, role, self.occupant_id(account))
            self.occupants[nick] = self._alike[likeness(nick)] = occupant
        occupant.sessions[session] = presence
        self.present[session] = occupant
        return occupant

    def update(self, occupant: Occupant, presence: Presence) -> None:
        """Note the latest presence of one of an occupant's clients."""
        assert presence.from_ is not None
        occupant.sessions.pop(presence.from_, None)
        occupant.sessions[presence.from_] = presence

    def leave(self, session: JID) -> Occupant:
        """Take a client out; with its last client the occupant goes."""
        occupant = self.present.pop(session)
        if len(occupant.sessions) == 1:
            self._drop(occupant)
        else:
            del occupant.sessions[session]
        return occupant

    def remove(self, occupant: Occupant) -> None:
        """Take an occupant out with all its clients."""
        for session in occupant.sessions:
            del self.present[session]
        self._drop(occupant)

    def rename(self, occupant: Occupant, address: JID) -> Occupant:
        """Give an occupant another nick; where its account has that already, the two become one.

        Returns:
            The occupant that has the nick now.
        """
        del self.occupants[occupant.nick]
        del self._alike[likeness(occupant.nick)]
        nick = address.resource
        other = self.occupants.get(nick)
        if other is None:
            occupant.nick, occupant.address = nick, address
            self.occupants[nick] = self._alike[likeness(nick)] = occupant
            return occupant
        for session, presence in occupant.sessions.items():
            other.sessions[session] = presence
            self.present[session] = other
        return other

    def _drop(self, occupant: Occupant) -> None:
        del self.occupants[occupant.nick]
        del self._alike[likeness(occupant.nick)]

    # ---- what is kept

    def configure(self, config: RoomConfig) -> None:
        """Take another configuration."""
        self.config = config
        self._trim()
        self.unsaved.append(("config", None))

    def change_subject(self, message: Message, at: float) -> None:
        """Note a subject, as it was sent to the occupants at a time in seconds since the epoch (§8.1)."""
        self.subject = stamped(message, at, self.jid)
        self.unsaved.append(("subject", None))

    def show(self, vcard: Element | None) -> None:
        """Take another vCard, or none (XEP-0486)."""
        self.vcard = vcard
        self.unsaved.append(("vcard", None))

    def remember(self, spoken: Spoken) -> None:
        """Keep a message for newcomers, as many as owners and service allow."""
        self.history.append(spoken)
        self._history_size += spoken.size
        self._trim()
        self.unsaved.append(("history", spoken))

    def _trim(self) -> None:
        kept = min(self.config.history, self.limits.history)
        while self.history and (len(self.history) > kept or self._history_size > self.limits.history_bytes):
            self._history_size -= self.history.popleft().size


def _new_id() -> str:
    return str(uuid.uuid4())


def likeness(nick: str) -> str:
    """What nicks have in common that people could take for one another: all but case and spaces.

    As RFC 8266 §2 prepares nicks for comparison; empty where nothing can be seen of it (XEP-0045 §17.1).
    """
    if not nick.isascii():
        nick = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", nick).casefold())
    return " ".join(nick.lower().split())


def stamped(message: Message, at: float, room: JID) -> Message:
    """A room's message with the time when it was sent first, in seconds since the epoch (XEP-0203)."""
    mark = delay(datetime.fromtimestamp(int(at), UTC), room)
    return Message(message.to, message.from_, message.attrs, *message.children, mark)
