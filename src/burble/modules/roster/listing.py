"""All roster items of a host, read a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, select, tuple_

from burble.storage import Database
from burble.storage.pages import PAGE, paged
from burble.storage.schema import roster_items, subscription_requests

__all__ = ["Listed", "listed_items"]

_i, _r = roster_items.c, subscription_requests.c
_ITEMS: Final = (
    select(_i.user, _i.jid, _i.subscription, _i.ask, _r.jid.label("request"))
    .select_from(
        roster_items.outerjoin(
            subscription_requests, and_(_r.host == _i.host, _r.user == _i.user, _r.jid == _i.jid)
        )
    )
    .where(
        _i.host == bindparam("host"),
        # As a row, since an index serves that, and not the same said with OR.
        tuple_(_i.user, _i.jid) > tuple_(bindparam("after_user"), bindparam("after_jid")),
    )
    .order_by(_i.user, _i.jid)
    .limit(PAGE)
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A roster item, whoever's it is.

    Attributes:
        user: the localpart of the account whose contact it is.
        jid: the contact's bare JID.
        subscription: ``none``, ``to``, ``from`` or ``both``.
        pending: whose request waits for an answer: ``out`` the user's, ``in`` the contact's, ``both`` or
            ``none``.
    """

    user: str
    jid: str
    subscription: str
    pending: str


async def listed_items(database: Database, host: str) -> AsyncIterator[Listed]:
    """Every roster item of a host, by account and contact.

    Raises:
        StorageError: they can't be read.
    """
    async for user, jid, subscription, ask, request in paged(database, _ITEMS, {"host": host}, "user", "jid"):
        asked = request is not None
        pending = ("both" if ask else "in") if asked else "out" if ask else "none"
        yield Listed(user, jid, subscription, pending)
