"""Whom an account's presence may reach."""

from __future__ import annotations

from collections.abc import Sequence

from burble.jid import JID
from burble.routing.events import PresenceBroadcast
from burble.routing.hosts import Host
from burble.routing.session import Session


def audience(host: Host, user: str, to: Sequence[JID], session: Session | None = None) -> Sequence[JID]:
    """Those whom a presence of the account is sent to: all, unless a module such as blocking objects.

    Args:
        host: the account's host.
        user: its localpart.
        to: who may see it by subscription or by the user's wish.
        session: whose presence it is, where that matters.
    """
    if not host.hooks.wanted(PresenceBroadcast):
        return to
    event = PresenceBroadcast(user, to, session)
    host.hooks.emit(event)
    return event.to
