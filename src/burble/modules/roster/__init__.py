"""Rosters and presence subscriptions (RFC 6121 §2 and §3)."""

from burble.modules.roster.contacts import Roster, RosterItem
from burble.modules.roster.module import Rosters

__all__ = ["Roster", "RosterItem", "Rosters"]
