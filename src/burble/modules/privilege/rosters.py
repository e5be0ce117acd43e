"""Rosters in the hands of privileged components (XEP-0356 §4)."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.roster import RosterItem, Rosters
from burble.modules.roster.edits import Edit, read_edit
from burble.namespaces import ROSTER
from burble.stanza import Iq
from burble.xml import Element

_SUBSCRIPTIONS = frozenset({"none", "to", "from", "both"})


async def answer(rosters: Rosters, entity: JID, request: Iq) -> Element | None:
    """Answer a roster get or set as its owner would get it answered.

    Args:
        rosters: the host's.
        entity: the component, which may do this.
        request: to the bare JID of an account that exists.

    Raises:
        StanzaError: as RFC 6121 §2 says.
        StorageError: a roster can't be read or stored.
    """
    query, to = request.payload, request.to
    assert query is not None
    assert to is not None
    if request.type == "get":
        roster = await rosters.store.load(to.local)
        version = query.get("ver")
        if version == str(roster.version):
            return None
        return roster.query((item.element() for item in roster.items.values()), version is not None)
    edits = [_read(rosters, item) for item in query.elements("item", ROSTER)]
    if not edits:
        raise StanzaError("bad-request", "a roster set has an item")
    for edit, subscription in edits:
        await _change(rosters, entity, to.local, edit, subscription)
    return None


def _read(rosters: Rosters, item: Element) -> tuple[Edit, str]:
    edit = read_edit(Element("query", ROSTER, None, item), rosters.limits)
    subscription = item.get("subscription", "") or ""
    if not edit.remove and subscription and subscription not in _SUBSCRIPTIONS:
        raise StanzaError("bad-request", f"there is no subscription {subscription}")
    return edit, subscription


async def _change(rosters: Rosters, entity: JID, user: str, edit: Edit, subscription: str) -> None:
    """Change an item. For the component's own contacts, whose answer it would give anyway, it may say what
    the subscription is; for those of others that is between them and the account."""
    roster = await rosters.store.load(user)
    if edit.jid.domain != entity:
        await rosters.change(roster, edit)
    elif edit.remove:
        if not await rosters.drop_contact(user, edit.jid):
            raise StanzaError("item-not-found", f"{edit.jid} is not in the roster")
    else:
        old = roster.items.get(edit.jid)
        kept = old.subscription if old is not None else "none"
        item = RosterItem(edit.jid, edit.name, edit.groups, subscription or kept)
        if await rosters.put_contact(user, item):
            await rosters.show_presence(user, edit.jid)
