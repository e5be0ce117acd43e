"""Commands that send something in somebody's name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from burble.commands.arguments import Resource
from burble.commands.base import Administered, session_of
from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.module import command
from burble.namespaces import CLIENT
from burble.routing.session import check_iq
from burble.stanza import STANZAS, Iq, Message, Presence, Stanza
from burble.xml import Element, parse_element


def _kind(value: object) -> object:
    return value or "normal"


MessageType = Annotated[Literal["chat", "headline", "groupchat", "normal"], BeforeValidator(_kind)]
"""The type of a message; none is a normal one (RFC 6121 §5.2.2)."""


class MessageCommands:
    """The commands that send something.

    Args:
        server: where.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["stanza"], result="res::rescode")
    async def send_message(self, type: MessageType, from_: JID, to: JID, subject: str, body: str) -> None:
        """Send a message in somebody's name.

        Args:
            type: ``chat``, ``headline``, ``groupchat`` or ``normal``.
            from_: who sends it.
            to: who is to get it: an account, one of its resources, or a room.
            subject: what it is about; "" for none.
            body: the text.

        Example:
            send_message headline admin@localhost juliet@localhost Restart "The server restarts at noon"
        """
        message = Message(to, from_, {} if type == "normal" else {"type": type})
        if subject:
            message.add("subject", text=subject)
        message.add("body", text=body)
        await self._route(message)

    @command(tags=["stanza"], result="res::rescode")
    async def send_message_chat(self, from_: JID, to: JID, body: str) -> None:
        """Send a chat message in somebody's name: an older name of `send_message`.

        Args:
            from_: who sends it.
            to: who is to get it.
            body: the text.

        Example:
            send_message_chat romeo@localhost juliet@localhost "Art thou not Romeo?"
        """
        await self.send_message("chat", from_, to, "", body)

    @command(tags=["stanza"], result="res::rescode")
    async def send_message_headline(self, from_: JID, to: JID, subject: str, body: str) -> None:
        """Send a headline in somebody's name: an older name of `send_message`.

        Args:
            from_: who sends it.
            to: who is to get it.
            subject: what it is about; "" for none.
            body: the text.

        Example:
            send_message_headline admin@localhost juliet@localhost Restart "The server restarts at noon"
        """
        await self.send_message("headline", from_, to, subject, body)

    @command(tags=["stanza"], result="res::rescode")
    async def send_stanza(self, from_: JID, to: JID, stanza: str) -> None:
        """Send a stanza in somebody's name.

        Args:
            from_: who sends it; a ``from`` in the stanza counts more.
            to: who is to get it; a ``to`` in the stanza counts more.
            stanza: the XML of a message, presence or IQ.

        Example:
            send_stanza juliet@localhost romeo@localhost "<message type='chat'><body>Hi</body></message>"
        """
        made = _stanza(stanza, from_, to)
        self._check_depth(made)
        await self._route(made)

    @command(tags=["stanza"], result="res::rescode")
    async def send_stanza_c2s(self, user: str, host: str, resource: Resource, stanza: str) -> None:
        """Send a stanza as if the client of a session had sent it.

        All that follows when a client sends something follows here: a presence is broadcast, the answer to
        an IQ goes to the client. A presence to the account itself is broadcast as well, and its type may be
        ``available``, as scripts for ejabberd write it.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            resource: the resource of the session.
            stanza: the XML of a message, presence or IQ; its ``from`` does not count.

        Example:
            send_stanza_c2s juliet localhost balcony "<presence><show>away</show></presence>"
        """
        session = session_of(self._server, user, host, resource)
        made = _stanza(stanza, session.jid, None)
        made.from_ = session.jid
        if isinstance(made, Presence) and made.to in (None, session.jid.bare):
            made.to = None
            if made.type == "available":
                del made.attrs["type"]
        self._check_depth(made)
        waiting = session.receive(made)
        if waiting is not None:
            await waiting

    def _check_depth(self, stanza: Stanza) -> None:
        limit = self._server.settings.limits.depth
        if not _is_flat(stanza, limit):
            raise StanzaError("not-acceptable", f"elements are nested at most {limit} deep in a stanza")

    async def _route(self, stanza: Stanza) -> None:
        router = next(iter(self._server.hosts.values())).router
        waiting = router.route(stanza)
        if waiting is not None:
            await waiting


def _is_flat(stanza: Stanza, limit: int) -> bool:
    """Whether no element is nested deeper than that; what clients send was checked when it was read."""
    level: list[Element] = [stanza]
    for _ in range(limit):
        level = [child for element in level for child in element.elements()]
        if not level:
            return True
    return False


def _stanza(text: str, sender: JID, recipient: JID | None) -> Stanza:
    try:
        element = parse_element(text, CLIENT)
        given = {key: JID.parse(value) for key in ("from", "to") if (value := element.get(key))}
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
    except ValueError as error:
        raise StanzaError("bad-request", f"the stanza is {error}") from None
    kind = STANZAS.get(element.name) if element.ns == CLIENT else None
    if kind is None:
        raise StanzaError("bad-request", "a stanza is a message, a presence or an iq")
    attrs = {key: value for key, value in element.attrs.items() if key not in ("from", "to")}
    stanza = kind(given.get("to", recipient), given.get("from", sender), attrs, *element.children)
    if isinstance(stanza, Iq):
        check_iq(stanza)
    return stanza
