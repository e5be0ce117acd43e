"""A stage for the examples of XEP-0045: who plays, how they enter a room, and what they hear there."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape, quoteattr

from burble.server import Server
from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient, condition
from tests.presences import appear

SERVICE = "conference.localhost"
COVEN = f"coven@{SERVICE}"

MUC = "http://jabber.org/protocol/muc"
USER = "{http://jabber.org/protocol/muc#user}"
ADMIN = "{http://jabber.org/protocol/muc#admin}"
OWNER = "{http://jabber.org/protocol/muc#owner}"
DATA = "{jabber:x:data}"
DELAY = "{urn:xmpp:delay}"
REGISTER = "{jabber:iq:register}"
INFO = "{http://jabber.org/protocol/disco#info}"
ITEMS = "{http://jabber.org/protocol/disco#items}"

DISCO_INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
DISCO_ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
CONFIGURATION = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"


class Actor(ScriptedClient):
    """A client that knows rooms."""

    _marks = itertools.count(1)

    async def heard(self, room: str = COVEN) -> list[ET.Element]:
        """All stanzas that came, in order, before the room answered a request sent now."""
        mark = f"mark-{next(self._marks)}"
        self.write(f"<iq type='get' id='{mark}' to='{room}'>{DISCO_INFO}</iq>")
        got = []
        while (stanza := await self.next()).get("id") != mark:
            got.append(stanza)
        return got

    async def enter(self, nick: str, room: str = COVEN, inside: str = "") -> list[ET.Element]:
        """Ask to enter, with `inside` the ``<x/>``; returns what the room sent (§7.1, §7.2.1)."""
        self.write(f"<presence id='enter' to={address(room, nick)}><x xmlns='{MUC}'>{inside}</x></presence>")
        return await self.heard(room)

    async def leave(self, nick: str, room: str = COVEN, status: str = "") -> list[ET.Element]:
        """Exit, and return what the room sent (§7.14)."""
        self.write(f"<presence to={address(room, nick)} type='unavailable'>{status}</presence>")
        return await self.heard(room)

    async def show(self, nick: str, content: str = "", room: str = COVEN) -> list[ET.Element]:
        """Send presence to a nick without asking to enter; returns what the room sent."""
        self.write(f"<presence id='show' to={address(room, nick)}>{content}</presence>")
        return await self.heard(room)

    async def tell(
        self, content: str, to: str = COVEN, kind: str = "groupchat", id_: str = "said"
    ) -> list[ET.Element]:
        """Send a message; returns what came once the room has handled it."""
        type_ = f" type='{kind}'" if kind else ""
        self.write(f"<message id='{id_}' to={quoteattr(to)}{type_}>{content}</message>")
        return await self.heard(to.partition("/")[0])

    async def say(self, text: str, room: str = COVEN) -> list[ET.Element]:
        """Send a message to all occupants (§7.4)."""
        return await self.tell(f"<body>{escape(text)}</body>", room)

    async def administer(self, items: str, room: str = COVEN, kind: str = "set") -> ET.Element:
        """Send items of muc#admin and return the answer; what else came stays to be heard."""
        return await self.ask(kind, f"<query xmlns='{ADMIN[1:-1]}'>{items}</query>", room)

    async def roll(self, wanted: str, room: str = COVEN) -> list[dict[str, str]]:
        """The items of the list of ``affiliation='member'``, ``role='moderator'`` and so on."""
        answer = await self.administer(f"<item {wanted}/>", room, "get")
        assert answer.get("type") == "result", ET.tostring(answer)
        return [dict(item.attrib) for item in answer.iterfind(f"{ADMIN}query/{ADMIN}item")]

    async def configure(self, room: str = COVEN, **values: str | Iterable[str]) -> ET.Element:
        """Submit a configuration: ``membersonly="1"`` is the field ``muc#roomconfig_membersonly`` (§10.2)."""
        form = submitted(
            "roomconfig",
            {_FIELDS.get(name, f"muc#roomconfig_{name}"): value for name, value in values.items()},
        )
        return await self.own(form, room)

    async def own(self, content: str, room: str = COVEN) -> ET.Element:
        """Send content of muc#owner and return the answer."""
        return await self.ask("set", f"<query xmlns='{OWNER[1:-1]}'>{content}</query>", room)


class Stage:
    """A server with a chat service, and the clients of a test."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._actors = AsyncExitStack()
        self._registered: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._actors.aclose()

    async def actor(self, who: str, *, present: bool = False) -> Actor:
        """Log in as ``user/resource``, to a new account if need be, and become available if `present`."""
        user, _, resource = who.partition("/")
        if user not in self._registered:
            await self.server.hosts["localhost"].register(user, "secret")
            self._registered.add(user)
        actor = await Actor(port_of(self.server)).connect()
        self._actors.push_async_callback(actor.close)
        await actor.login(user, resource=resource)
        if present:
            await appear(actor)
        return actor

    async def host(self, who: str, nick: str, room: str = COVEN, **values: str | Iterable[str]) -> Actor:
        """An owner in a new room with a configuration (§10.1.3), or the default one."""
        actor = await self.actor(who)
        created = await actor.enter(nick, room)
        assert codes(created[0]) >= {110, 201}, [ET.tostring(e) for e in created]
        done = await actor.configure(room, **values) if values else await actor.own(INSTANT, room)
        assert done.get("type") == "result", ET.tostring(done)
        await actor.heard(room)
        return actor

    async def guest(
        self, who: str, nick: str, room: str = COVEN, inside: str = "", *, present: bool = False
    ) -> Actor:
        """Somebody who has entered a room and heard what newcomers hear."""
        actor = await self.actor(who, present=present)
        got = await actor.enter(nick, room, inside)
        assert any(110 in codes(stanza) for stanza in got), [ET.tostring(e) for e in got]
        return actor

    async def coven(self, **values: str | Iterable[str]) -> tuple[Actor, Actor, Actor]:
        """The witches of the examples: crone1, an owner; wiccarocks, an admin; hag66, a member."""
        crone1 = await self.host("crone1/desktop", "firstwitch", **values)
        granted = await crone1.administer(
            "<item affiliation='admin' jid='wiccarocks@localhost'/>"
            "<item affiliation='member' jid='hag66@localhost'/>"
        )
        assert granted.get("type") == "result", ET.tostring(granted)
        secret = values.get("roomsecret")
        inside = f"<password>{secret}</password>" if secret else ""
        wiccarocks = await self.guest("wiccarocks/laptop", "secondwitch", inside=inside, present=True)
        hag66 = await self.guest("hag66/pda", "thirdwitch", inside=inside, present=True)
        for witch in (crone1, wiccarocks, hag66):
            await witch.heard()
        return crone1, wiccarocks, hag66


#: Fields of a room's configuration that are not called `muc#roomconfig_NAME`.
_FIELDS = {
    "contactjid": "muc#roominfo_contactjid",
    "ldapgroup": "muc#roominfo_ldapgroup",
    "maxhistoryfetch": "muc#maxhistoryfetch",
    "registration": "{urn:burble:muc}registration",
}

INSTANT = "<x xmlns='jabber:x:data' type='submit'/>"


def address(room: str, nick: str) -> str:
    """An occupant's address as the value of an attribute; the room's where there is no nick."""
    return quoteattr(f"{room}/{nick}" if nick else room)


def submitted(kind: str, values: dict[str, str | Iterable[str]]) -> str:
    """A submitted form of the FORM_TYPE muc#kind."""
    fields = [f"<field var='FORM_TYPE' type='hidden'><value>{MUC}#{kind}</value></field>"]
    for var, value in values.items():
        texts = "".join(f"<value>{escape(t)}</value>" for t in ([value] if isinstance(value, str) else value))
        fields.append(f"<field var='{var}'>{texts}</field>")
    return f"<x xmlns='jabber:x:data' type='submit'>{''.join(fields)}</x>"


def fields(holder: ET.Element) -> dict[str, list[str]]:
    """The values of each field of the form that is somewhere in an element, by `var`."""
    form = next(holder.iter(f"{DATA}x"))
    return {
        field.get("var", ""): [value.text or "" for value in field.iterfind(f"{DATA}value")]
        for field in form.iterfind(f"{DATA}field")
        if field.get("type") != "fixed"
    }


def user(stanza: ET.Element) -> ET.Element:
    """The one ``<x/>`` of muc#user; there must not be another (§7.2.2)."""
    found = stanza.findall(f"{USER}x")
    assert len(found) == 1, ET.tostring(stanza)
    return found[0]


def item(stanza: ET.Element) -> ET.Element:
    """The item of what the room says of an occupant."""
    found = user(stanza).find(f"{USER}item")
    assert found is not None, ET.tostring(stanza)
    return found


def codes(stanza: ET.Element) -> set[int]:
    """The status codes; none for a stanza that can't have any."""
    return {int(status.get("code", "")) for status in stanza.iterfind(f"{USER}x/{USER}status")}


def seen(presence: ET.Element) -> str:
    """What a presence shows of whom: ``nick affiliation/role``, with ``gone`` before for unavailable."""
    assert presence.tag == f"{CLIENT}presence", ET.tostring(presence)
    assert presence.get("type") in (None, "unavailable"), ET.tostring(presence)
    nick = presence.get("from", "").partition("/")[2]
    ranks = f"{nick} {item(presence).get('affiliation')}/{item(presence).get('role')}"
    return f"gone {ranks}" if presence.get("type") else ranks


def reason(stanza: ET.Element) -> str | None:
    """Why an occupant was removed or given another rank, where the room says so."""
    return item(stanza).findtext(f"{USER}reason")


def actor_nick(stanza: ET.Element) -> str | None:
    """The nick of who removed an occupant, where the room says so."""
    found = item(stanza).find(f"{USER}actor")
    return None if found is None else found.get("nick")


def refusal(stanza: ET.Element) -> str:
    """The type and condition of an error, as in ``auth forbidden``."""
    assert stanza.get("type") == "error", ET.tostring(stanza)
    error = stanza.find(f"{CLIENT}error")
    assert error is not None, ET.tostring(stanza)
    return f"{error.get('type')} {condition(stanza)}"


def body(message: ET.Element) -> str | None:
    """The text of a message."""
    assert message.tag == f"{CLIENT}message", ET.tostring(message)
    return message.findtext(f"{CLIENT}body")


def subject(message: ET.Element) -> str | None:
    """The subject of a message that sets one (§8.1): the empty string where it clears it."""
    assert message.tag == f"{CLIENT}message", ET.tostring(message)
    assert message.find(f"{CLIENT}body") is None, ET.tostring(message)
    return message.findtext(f"{CLIENT}subject")
