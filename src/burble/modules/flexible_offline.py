"""XEP-0013: look through the messages that were kept, and take or remove them one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from burble.delay import delay
from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.forms import Form
from burble.jid import JID
from burble.module import Module, iq, on
from burble.modules.offline import Offline, annotated
from burble.namespaces import CLIENT, OFFLINE
from burble.routing.events import BecomingAvailable, ItemsRequested, NodeInfoRequested
from burble.routing.session import Session
from burble.stanza import Iq, Message
from burble.storage import Row
from burble.storage.schema import offline_messages
from burble.xml import Element, parse_element

#: The session looks through what was kept: nothing is sent by itself while it lives (§2.2).
_FLEXIBLE: Final = "offline.flexible"
# Messages sent before the next wait for the client.
_PAGE: Final = 50
# Wide enough for any number of a row, so that nodes sort as numbers do (§2.3).
_NODE: Final = re.compile("[0-9]{16}")

_t = offline_messages.c
_MINE: Final = (_t.host == bindparam("host"), _t.user == bindparam("user"))
_READ: Final = (
    select(_t.id, _t.stanza, _t.stored_at)
    .where(*_MINE, _t.id > bindparam("after"))
    .order_by(_t.id)
    .limit(_PAGE)
)
_SOME: Final = (
    select(_t.id, _t.stanza, _t.stored_at)
    .where(*_MINE, _t.id.in_(bindparam("ids", expanding=True)))
    .order_by(_t.id)
)
_REMOVE: Final = delete(offline_messages).where(
    _t.host == bindparam("of_host"),
    _t.user == bindparam("of_user"),
    _t.id.in_(bindparam("ids", expanding=True)),
)
_PURGE: Final = delete(offline_messages).where(
    _t.host == bindparam("of_host"), _t.user == bindparam("of_user")
)


class FlexibleOffline(Module):
    """Lets clients choose among the messages that were kept; those they have seen stay until removed."""

    name = "flexible_offline"
    features = (OFFLINE,)
    requires = ("offline",)

    async def start(self) -> None:
        """Find where messages are kept."""
        self._offline = self.require(Offline)

    # ---- how many, and from whom (§2.2, §2.3)

    @on(NodeInfoRequested)
    def count(self, event: NodeInfoRequested) -> None:
        """Tell how many messages are kept.

        Raises:
            StanzaError: forbidden to anybody but the account.
        """
        if event.node != OFFLINE or event.request.to is None or not event.request.to.local:
            return
        session = self._owner(event.request)
        session.data[_FLEXIBLE] = True
        form = Form("result", OFFLINE)
        form.add("number_of_messages", value=str(self._offline.kept(session.user)))
        event.info = Info([Identity("automation", "message-list")], [OFFLINE], [form])
        event.stop()

    @on(ItemsRequested)
    async def headers(self, event: ItemsRequested) -> None:
        """Tell who sent each message.

        Raises:
            StanzaError: forbidden to anybody but the account.
        """
        if event.node != OFFLINE or event.request.to is None or not event.request.to.local:
            return
        session = self._owner(event.request)
        session.data[_FLEXIBLE] = True
        await self._flush()
        event.items = []
        after = 0
        while rows := await self._page(session, after):
            for row in rows:
                sender = parse_element(row.stanza, CLIENT).get("from") or ""
                event.add(session.jid.bare, sender, _node(row))
            after = rows[-1].id
        event.stop()

    @on(BecomingAvailable, priority=-999)
    def spare(self, event: BecomingAvailable) -> None:
        """§2.2: no session of the account gets what was kept by itself while one looks through it."""
        if any(session.data.get(_FLEXIBLE) for session in event.session.account.sessions.values()):
            event.stop()

    # ---- taking and removing (§2.4 to §2.7)

    @iq(OFFLINE, "offline", to="account", owner_only=False, any_account=True)
    async def answer(self, request: Iq) -> None:
        """Send some messages, or all; remove some, or all.

        Raises:
            StanzaError: forbidden to anybody but the account; bad-request; item-not-found where one is not
                there: nothing is sent or removed then.
        """
        session = self._owner(request)
        payload = request.payload
        assert payload is not None
        await self._flush()
        if payload.child("fetch", OFFLINE) is not None:  # slixmpp fetches with a set
            await self._fetch(session)
        elif request.type == "set":
            await self._remove(session, payload)
        else:
            await self._send(session, await self._rows(session, _numbers(payload, "view")))

    async def _fetch(self, session: Session) -> None:
        session.data[_FLEXIBLE] = True
        after = 0
        while session.connected and (rows := await self._page(session, after)):
            await self._send(session, rows)
            after = rows[-1].id

    async def _remove(self, session: Session, payload: Element) -> None:
        key = {"of_host": self.host.name, "of_user": session.user}
        if payload.child("purge", OFFLINE) is not None:
            removed = await self.host.database.execute(_PURGE, key)
        else:
            rows = await self._rows(session, _numbers(payload, "remove"))
            removed = await self.host.database.execute(_REMOVE, {**key, "ids": [row.id for row in rows]})
        self._offline.removed(session.user, removed)

    def _owner(self, request: Iq) -> Session:
        asker = request.from_
        session = self.host.sessions.find(asker) if asker is not None else None
        if session is None or request.to != session.jid.bare:
            raise StanzaError("forbidden", "only the account itself may look through its messages")
        return session

    async def _flush(self) -> None:
        await self.host.database.batch.flush()

    async def _page(self, session: Session, after: int) -> Sequence[Row]:
        key = {"host": self.host.name, "user": session.user, "after": after}
        return await self.host.database.fetch(_READ, key)

    async def _rows(self, session: Session, numbers: list[int]) -> Sequence[Row]:
        key = {"host": self.host.name, "user": session.user, "ids": numbers}
        rows = await self.host.database.fetch(_SOME, key)
        if len(rows) < len(numbers):
            raise _missing()
        return rows

    async def _send(self, session: Session, rows: Iterable[Row]) -> None:
        for row in rows:
            session.send(_message(row, self.host.jid))
        await session.drain()


def _message(row: Row, by: JID) -> Message:
    """§2.4: a message as it was kept, with its node and the time it was kept at."""
    note = Element("offline", OFFLINE)
    note.add("item", attrs={"node": _node(row)})
    stamp = delay(datetime.fromtimestamp(row.stored_at, UTC), by)
    return annotated(row.stanza, note.to_bytes() + stamp.to_bytes())


def _node(row: Row) -> str:
    return f"{row.id:016}"


def _numbers(payload: Element, action: str) -> list[int]:
    """The rows that a request names, each once.

    Raises:
        StanzaError: bad-request, where it names none or asks for something else; item-not-found.
    """
    numbers: dict[int, None] = {}
    for item in payload.elements("item", OFFLINE):
        if item.get("action") != action:
            raise StanzaError("bad-request", f"the action of each item is {action} here")
        node = item.get("node") or ""
        if not _NODE.fullmatch(node):
            raise _missing()
        numbers[int(node)] = None
    if not numbers:
        raise StanzaError("bad-request", "the request names no message")
    return list(numbers)


def _missing() -> StanzaError:
    return StanzaError("item-not-found", "there is no such message")
