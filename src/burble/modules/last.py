"""XEP-0012: tell how long the server has been up, and an account away."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import NamedTuple

from sqlalchemy import bindparam, select

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, iq, on
from burble.modules.roster.access import may_see_presence
from burble.namespaces import LAST_ACTIVITY
from burble.routing.events import RequestReceived, SessionClosed, UserUnavailable
from burble.stanza import Iq
from burble.storage import upsert
from burble.storage.schema import last_activity
from burble.xml import Element

_FIND = select(last_activity.c.seconds, last_activity.c.status).where(
    last_activity.c.host == bindparam("host"), last_activity.c.user == bindparam("user")
)
_STORE = upsert(last_activity)


class Logout(NamedTuple):
    """When the last session of an account ended, seconds since the epoch, and what the account said then."""

    seconds: int
    status: str


class LastActivity(Module):
    """Remembers when an account's last session ended, and answers for those who may see its presence."""

    features = (LAST_ACTIVITY,)
    account_features = (LAST_ACTIVITY,)

    # ---- answering

    @iq(LAST_ACTIVITY, "query", type="get")
    def uptime(self, request: Iq) -> Element:
        """Tell for how long the server has been running (§5)."""
        return _answer(time.time() - self.host.started)

    @iq(LAST_ACTIVITY, "query", to="account", type="get", owner_only=False, any_account=True)
    async def report(self, request: Iq) -> Element:
        """Tell how long ago an account logged out, and what it said then; 0 while it is connected (§3).

        Raises:
            StanzaError: forbidden for those who may not see the account's presence, as where there is no
                account; item-not-found where it has never been connected.
        """
        account = request.to
        assert account is not None
        await self._check(account, request)
        if self.host.sessions.of(account.local):
            return _answer(0)
        last = await self.of(account.local)
        if last is None:
            raise StanzaError("item-not-found", "this account has never been connected")
        return _answer(time.time() - last.seconds, last.status)

    @on(RequestReceived)
    def guard(self, event: RequestReceived) -> Awaitable[None] | None:
        """Keep a client's idle time, and whether it is connected, from who may not see its presence (§4, §8).

        Raises:
            StanzaError: forbidden.
        """
        payload, resource = event.request.payload, event.request.to
        if payload is None or payload.ns != LAST_ACTIVITY or resource is None:
            return None
        return self._check(resource.bare, event.request)

    async def _check(self, account: JID, request: Iq) -> None:
        assert request.from_ is not None
        if not await may_see_presence(self.host, account, request.from_):
            raise StanzaError("forbidden", "you may not see this presence")

    async def of(self, user: str) -> Logout | None:
        """The last logout of an account; None where it has never been connected.

        Raises:
            StorageError: it can't be read.
        """
        database = self.host.database
        await database.batch.flush()
        row = await database.fetch_one(_FIND, {"host": self.host.name, "user": user})
        return None if row is None else Logout(row.seconds, row.status)

    async def store(self, user: str, last: Logout) -> None:
        """Note a last logout of an account that is none of its own sessions'.

        Raises:
            StorageError: it can't be stored.
        """
        await self.host.database.batch.flush()
        row = {"host": self.host.name, "user": user, "seconds": last.seconds, "status": last.status}
        await self.host.database.execute(_STORE, row)

    # ---- remembering

    @on(UserUnavailable)
    def note_status(self, event: UserUnavailable) -> None:
        """Keep what the account said last for the end of its last session."""
        event.session.account.data[LastActivity] = event.presence.status

    @on(SessionClosed)
    def remember(self, event: SessionClosed) -> Awaitable[None] | None:
        """Store when an account's last session ended."""
        session = event.session
        if session.anonymous or session.account.sessions:
            return None
        status = session.account.data.get(LastActivity, "")
        row = {"host": self.host.name, "user": session.user, "seconds": int(time.time()), "status": status}
        if self.host.authenticator.known(session.user):
            self.host.database.batch.add(_STORE, row)
            return None
        return self._store_if_registered(row)

    async def _store_if_registered(self, row: dict[str, str | int]) -> None:
        # A session also ends because its account has been removed, which must leave nothing behind.
        if await self.host.authenticator.exists(str(row["user"])):
            self.host.database.batch.add(_STORE, row)


def _answer(seconds: float, status: str = "") -> Element:
    query = Element("query", LAST_ACTIVITY, {"seconds": str(max(0, int(seconds)))})
    if status:
        query.append(status)
    return query
