"""What newcomers are sent of what was said before (XEP-0045 §7.2.13 to §7.2.15)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room, Spoken
from burble.namespaces import CLIENT, DELAY, MUC
from burble.stanza import Message, Stanza
from burble.timestamps import parse_stamp
from burble.xml import Element

# An xs:int; longer ones are no counts that anybody means.
_INT: Final = re.compile("-?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of the history a newcomer wants (§7.2.14); None for as much as there is.

    Attributes:
        stanzas: the most messages.
        characters: the most characters of all messages together, as XML.
        since: only those of that time or later, seconds since the epoch.
    """

    stanzas: int | None = None
    characters: int | None = None
    since: float | None = None

    @classmethod
    def parse(cls, x: Element, now: float) -> Self:
        """Read the ``<history/>`` in the ``<x/>`` of a presence that enters a room.

        Raises:
            StanzaError: bad-request, where a limit is not of its type; a number below zero counts as zero.
        """
        history = x.child("history", MUC)
        if history is None:
            return cls()
        seconds = _count(history, "seconds")
        since = None if seconds is None else now - seconds
        if (stamp := history.get("since")) is not None:
            try:
                moment = parse_stamp(stamp).timestamp()
            except ValueError as error:
                raise StanzaError("bad-request", f"history since: {error}") from None
            since = moment if since is None else max(since, moment)
        return cls(_count(history, "maxstanzas"), _count(history, "maxchars"), since)


def replayed(room: Room, client: JID, wanted: Wanted) -> Iterator[Stanza]:
    """The latest messages that meet all limits, oldest first, each with the time it was sent first."""
    chosen: list[Message] = []
    left = wanted.characters
    for spoken in reversed(room.history):
        if len(chosen) == wanted.stanzas or (wanted.since is not None and spoken.at < wanted.since):
            break
        message = spoken.message if _brought_along(room, spoken) else spoken.stamped(room.jid)
        past = message.readdressed(client, message.from_)
        if left is not None:
            left -= len(past.to_bytes().decode())
            if left < 0:
                break
        chosen.append(past)
    yield from reversed(chosen)


def subject(room: Room, client: JID) -> Stanza:
    """The subject as a newcomer is sent it; an empty one where there is none (§7.2.15)."""
    if room.subject is not None:
        return room.subject.readdressed(client, room.subject.from_)
    return Message(client, room.jid, {"type": "groupchat"}, Element("subject", CLIENT))


def _brought_along(room: Room, spoken: Spoken) -> bool:
    """Whether an owner said it elsewhere before, and tells when: that is the time that counts (§7.9)."""
    return (
        spoken.message.child("delay", DELAY) is not None
        and spoken.sender is not None
        and room.affiliation(spoken.sender) is Affiliation.OWNER
    )


def _count(history: Element, name: str) -> int | None:
    text = history.get(name)
    if text is None:
        return None
    if not _INT.fullmatch(text):
        raise StanzaError("bad-request", f"history {name} is not an integer")
    return max(0, int(text))
