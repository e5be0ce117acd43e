"""The state of a room, without any I/O: who is in it, who may what, what was said.

Rules are plain functions of a room and a stanza. A rule checks first and raises `StanzaError` while nothing
has changed; then it changes the room by the methods here and returns what is to be sent, in order. What
must be stored is noted in `Room.unsaved`, which the service takes and stores.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from burble.jid import JID
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.ranks import Affiliation, Role
from burble.stanza import Message, Presence

#: What of a room is to be stored: one of its parts, and for affiliations and nicks whose.
Part = Literal["config", "affiliation", "nick", "subject", "history"]


@dataclass(slots=True)
class Occupant:
    """Somebody in a room, perhaps with several clients under one nick.

    Attributes:
        nick: the nick.
        address: ``room@service/nick``, from which the others hear of it.
        account: the real bare JID.
        role: what it may do.
        id: the same in this room whatever the nick (XEP-0421).
        sessions: the latest presence of each client by its full JID, as it was sent; never empty.
    """

    nick: str
    address: JID
    account: JID
    role: Role
    id: str
    sessions: dict[JID, Presence] = field(default_factory=dict)

    @property
    def presence(self) -> Presence:
        """The presence the others see: that of the client that sent one last."""
        return next(reversed(self.sessions.values()))


@dataclass(slots=True)
class Spoken:
    """A message of the history.

    Attributes:
        message: as it was sent to the occupants, from the sender's address in the room.
        at: when, seconds since the epoch.
        sender: the real bare JID; None for the room's own.
        id: its stanza id (XEP-0359).
    """

    message: Message
    at: float
    sender: JID | None
    id: str


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

    Attributes:
        standings: the affiliations, by bare JID or domain.
        nicks: the registered nick of each member that has one, by bare JID (§7.10).
        occupants: by nick.
        present: the occupant of each client in the room, by its full JID.
        subject: as it was sent to the occupants; None where none was ever set.
        history: what newcomers may be sent, oldest first.
        locked: whether it awaits its first configuration (§10.1).
        unsaved: what was changed since the service last took it.
    """

    def __init__(self, jid: JID, config: RoomConfig, secret: bytes) -> None:
        self.jid = jid
        self.config = config
        self.secret = secret
        self.standings: dict[JID, Standing] = {}
        self.nicks: dict[JID, str] = {}
        self.occupants: dict[str, Occupant] = {}
        self.present: dict[JID, Occupant] = {}
        self.subject: Message | None = None
        self.history: deque[Spoken] = deque()
        self.locked = False
        self.unsaved: list[tuple[Part, JID | Spoken | None]] = []

    def affiliation(self, jid: JID) -> Affiliation:
        """The affiliation of an account: its own, or that of its domain (§9.2)."""
        standing = self.standings.get(jid.bare) or self.standings.get(JID.parse(jid.domain))
        return Affiliation.NONE if standing is None else standing.affiliation
