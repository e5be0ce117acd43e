"""Who may see an account's presence, and with it what would give the presence away."""

from __future__ import annotations

from burble.jid import JID
from burble.modules.roster.module import Rosters
from burble.routing.hosts import Host

__all__ = ["may_see_presence"]


async def may_see_presence(host: Host, account: JID, asker: JID) -> bool:
    """Whether an account shows its presence to somebody (RFC 6121 §3): its owner, or a subscribed contact.

    Args:
        host: the account's.
        account: its bare JID; there need not be such an account.
        asker: who wants to know, any JID.

    Raises:
        StorageError: the roster can't be read.
    """
    if asker.bare == account:
        return True
    rosters = host.modules.get(Rosters.name)
    if not isinstance(rosters, Rosters):
        return False
    roster = await rosters.store.load(account.local)
    return roster.shows_presence_to(asker.bare)
