"""What stream management stores: messages until they are acknowledged, and sessions over a restart."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from burble.modules.offline import has_content
from burble.modules.stream_management.managed import Entry, ManagedSession
from burble.namespaces import HINTS
from burble.stanza import Message
from burble.storage import StorageError
from burble.storage.schema import hibernated_sessions, unacknowledged_stanzas

if TYPE_CHECKING:
    from burble.modules.stream_management.module import StreamManagement

_log = logging.getLogger("burble.management")

_s = hibernated_sessions.c
_u = unacknowledged_stanzas.c
_STORE: Final = insert(unacknowledged_stanzas)
_STORE_SESSION: Final = insert(hibernated_sessions)
_FORGET: Final = delete(unacknowledged_stanzas).where(
    _u.host == bindparam("of_host"),
    _u.user == bindparam("of_user"),
    _u.session == bindparam("of_session"),
    _u.number <= bindparam("until"),
)
_SESSIONS: Final = select(hibernated_sessions).where(_s.host == bindparam("host"))
_STANZAS: Final = (
    select(unacknowledged_stanzas)
    .where(_u.host == bindparam("host"))
    .order_by(_u.user, _u.session, _u.number)
)
_FORGET_SESSIONS: Final = delete(hibernated_sessions).where(_s.host == bindparam("of_host"))


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it was at a stop, or what is left of one after a crash: then `resource` is "".

    Attributes:
        user: its account's localpart.
        id: its id.
        resource: the resource.
        expires: until when it waits for its client, seconds since the epoch.
        presence: its presence as it was serialised, or None.
        state: its counters, and what modules keep for it.
        entries: what was not acknowledged.
    """

    user: str
    id: str
    resource: str
    expires: int
    presence: bytes | None
    state: dict[str, Any]
    entries: list[Entry]


class Keeper:
    """The tables of stream management for one host.

    Args:
        module: the host's.
    """

    def __init__(self, module: StreamManagement) -> None:
        self._host = module.host
        self._database = module.host.database
        # Up to which stanza of which session rows are to be deleted, by user and session.
        self._done: dict[tuple[str, str], int] = {}
        self._deleting = False

    # ---- messages of sessions in use

    def keep(self, managed: ManagedSession, message: Message, data: bytes) -> None:
        """Store a message that was just put into a session's queue, if it is owed to its sender.

        Not what says nothing lasting, what must not be stored (XEP-0334 §4.2), what the account itself sends
        (copies, notifications), and nothing of a room, which keeps its messages itself.
        """
        if message.type not in ("chat", "normal"):
            return
        session = managed.session
        if message.from_ == session.jid.bare or message.child("no-store", HINTS) is not None:
            return
        if session.anonymous or not has_content(message):
            return
        number = managed.sent
        row = {**self._key(managed), "number": number, "at": int(time.time()), "stanza": data}
        try:
            self._database.batch.add(_STORE, row)
        except StorageError as error:
            _log.warning("a message for %s would not survive a crash: %s", session.jid, error)
            return
        managed.stored_from = managed.stored_from or number
        managed.stored_to = number

    def forget(self, managed: ManagedSession) -> None:
        """Delete the rows of what was acknowledged."""
        acked = managed.acked
        managed.stored_from = acked + 1 if managed.stored_to > acked else 0
        self._forget(managed.session.user, managed.id, acked)

    def forget_all(self, user: str, id: str) -> None:
        """Delete the rows of a session, once what was handed to the batch before is committed."""
        self._forget(user, id, (1 << 63) - 1)

    def _forget(self, user: str, id: str, until: int) -> None:
        self._done[user, id] = until
        if not self._deleting:
            self._deleting = True
            self._host.spawn(self._delete())

    async def _delete(self) -> None:
        """Delete what is done with, all sessions' together, until there is no more."""
        batch = self._database.batch
        try:
            while self._done:
                await batch.settled()
                done, self._done = self._done, {}
                try:
                    await self._database.execute(
                        _FORGET,
                        [
                            {"of_host": self._host.name, "of_user": user, "of_session": id, "until": until}
                            for (user, id), until in done.items()
                        ],
                    )
                except StorageError as error:
                    _log.error("messages that were acknowledged can't be deleted now: %s", error)
                    self._done = done | self._done  # with the next ones
                    return
        finally:
            self._deleting = False

    def _key(self, managed: ManagedSession) -> dict[str, str]:
        return {"host": self._host.name, "user": managed.session.user, "session": managed.id}

    # ---- sessions over a restart

    async def save(self, sessions: Sequence[ManagedSession]) -> None:
        """Store sessions that hibernate, in place of what is stored of them.

        Raises:
            StorageError: it can't be done; nothing is changed.
        """
        rows: list[dict[str, Any]] = []
        stanzas: list[dict[str, Any]] = []
        keys: list[dict[str, Any]] = []
        await self._database.batch.flush()
        for managed in sessions:
            key = self._key(managed)
            keys.append({**{f"of_{name}": value for name, value in key.items()}, "until": (1 << 63) - 1})
            entries = await managed.read(managed.queue)
            rows.append({**key, **_session_row(managed)})
            stanzas += [
                {**key, "number": number, "at": int(at), "stanza": stanza}
                for number, (at, stanza) in enumerate(entries, managed.acked + 1)
            ]

        def store(connection: Connection) -> None:
            connection.execute(_FORGET, keys)
            connection.execute(_STORE_SESSION, rows)
            if stanzas:
                connection.execute(_STORE, stanzas)

        if keys:
            await self._database.write(store)
        for managed in sessions:
            managed.unshelve()

    async def load(self) -> list[StoredSession]:
        """Read the sessions that were stored, and what a crash has left of others; the former are in use from
        now on, but their stanzas stay until they are acknowledged.

        Raises:
            StorageError: it can't be done.
        """
        name = {"host": self._host.name}
        rows = await self._database.fetch(_SESSIONS, name)
        queues: dict[tuple[str, str], list[Entry]] = {}
        for row in await self._database.fetch(_STANZAS, name):
            queues.setdefault((row.user, row.session), []).append((float(row.at), row.stanza))
        if rows:
            await self._database.execute(_FORGET_SESSIONS, {"of_host": self._host.name})
        found = [
            StoredSession(
                user=row.user,
                id=row.session,
                resource=row.resource,
                expires=row.expires,
                presence=row.presence,
                state=json.loads(row.state),
                entries=queues.pop((row.user, row.session), []),
            )
            for row in rows
        ]
        found += [StoredSession(user, id, "", 0, None, {}, queue) for (user, id), queue in queues.items()]
        return found


def _session_row(managed: ManagedSession) -> dict[str, Any]:
    session = managed.session
    state = {
        "acked": managed.acked,
        "handled": managed.handled,
        "timeout": managed.timeout,
        "last_active": managed.last_active,
        "since": session.since,
        "available_since": session.available_since,
        "interested": session.interested,
        "states": managed.states or {},
    }
    return {
        "resource": session.jid.resource,
        "expires": int(managed.expires),
        "presence": None if session.presence is None else session.presence.to_bytes(),
        "state": json.dumps(state),
    }
