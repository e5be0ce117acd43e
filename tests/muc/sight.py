"""What one client in a room has been told: the roster it would show, made from the stanzas sent to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from burble.jid import JID
from burble.namespaces import MUC_USER, OCCUPANT_ID
from burble.stanza import Message, Presence, Stanza


@dataclass(frozen=True)
class Seen:
    """An occupant as a client shows it."""

    affiliation: str
    role: str
    jid: str | None
    id: str | None


@dataclass
class Sight:
    """The view of one client.

    Attributes:
        client: its full JID.
        nick: its own nick as it was told; None where it takes itself to be outside.
        roster: the occupants, by nick.
        said: the bodies of the messages to all.
        whispered: those of the messages to it alone.
        log: what it was sent for the last action, as texts to compare: nick of the sender or "" and what.
    """

    client: JID
    nick: str | None = None
    roster: dict[str, Seen] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    whispered: list[str] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)

    def take(self, stanza: Stanza) -> None:
        """Take a stanza as a client does."""
        assert stanza.from_ is not None
        nick = stanza.from_.resource
        if isinstance(stanza, Presence):
            self._presence(nick, stanza)
        elif isinstance(stanza, Message) and stanza.type == "groupchat":
            if (body := stanza.body) is not None:
                assert self.nick is not None, "a message to all for who is not in the room"
                self.said.append(body)
                self.log.append((nick, "message"))
            elif stanza.child("subject") is not None:
                self.log.append((nick, "subject"))
        elif isinstance(stanza, Message) and nick:
            self.whispered.append(stanza.body or "")

    def check_entry(self, said: list[str], *, first: bool) -> None:
        """Check the order of what came for entering: the others, oneself, history, subject (§7.1).

        Args:
            said: what is in the history.
            first: whether the client was outside before; else its presence may have changed, too.
        """
        kinds = [kind for _, kind in self.log]
        if first:
            own = kinds.index("self")
            assert set(kinds[:own]) <= {"presence"}
            assert kinds.count("self") == 1
            assert "presence" not in kinds[own:]
        assert kinds[-1] == "subject"
        assert kinds.count("subject") == 1
        assert kinds.count("message") == len(said)
        assert self.said[len(self.said) - len(said) :] == said

    def _presence(self, nick: str, presence: Presence) -> None:
        x = presence.child("x", MUC_USER)
        assert x is not None, f"presence that says nothing of the room: {presence.to_string()}"
        item = x.child("item")
        assert item is not None
        codes = {int(status.attrs["code"]) for status in x.elements("status")}
        if presence.type == "unavailable":
            self._unavailable(nick, codes, item.get("nick"))
            return
        assert presence.type == ""
        id_ = presence.child("occupant-id", OCCUPANT_ID)
        self.roster[nick] = Seen(
            item.attrs["affiliation"],
            item.attrs["role"],
            item.get("jid"),
            None if id_ is None else id_.get("id"),
        )
        if 110 in codes:
            self.nick = nick
        else:
            assert nick != self.nick, f"{self.client} is told of itself as of another"
        self.log.append((nick, "self" if 110 in codes else "presence"))

    def _unavailable(self, nick: str, codes: set[int], new: str | None) -> None:
        own = 110 in codes
        if own and 333 in codes and self.nick is None:
            return  # told that it is not in the room (§7.2.18)
        assert own == (nick == self.nick), f"{self.client} as {self.nick}: {nick} left with {codes}"
        assert nick in self.roster, f"{self.client} is told of the end of {nick}, whom it never saw"
        del self.roster[nick]
        self.log.append((nick, "unavailable"))
        if 303 in codes:
            assert new
            if own:
                self.nick = new
        elif own:
            self.nick = None
            self.roster.clear()
