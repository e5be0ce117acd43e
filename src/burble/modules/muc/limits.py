"""What a service allows its rooms, whatever their owners set."""

from __future__ import annotations

from pydantic import Field

from burble.config import Table


class RoomLimits(Table):
    """The bounds of every room of a service."""

    users: int = Field(5000, ge=1, description="The most occupants of a room.")
    extra_users: int = Field(
        20, ge=0, description="How many admins and owners may enter a room that is full (XEP-0045 §7.2.9)."
    )
    clients: int = Field(20, ge=1, description="The most clients that one occupant may enter with.")
    nick: int = Field(64, ge=1, description="The longest nick, in characters.")
    message: int = Field(65536, ge=1, description="The longest message to a room, in bytes of XML.")
    presence: int = Field(
        16384, ge=1, description="The longest presence of an occupant, in characters of XML."
    )
    subject: int = Field(4096, ge=1, description="The longest subject, in bytes of XML.")
    history: int = Field(100, ge=0, description="The most messages a room keeps for newcomers.")
    history_bytes: int = Field(
        1_048_576, ge=0, description="The most that these messages have in all, in bytes of XML."
    )
    affiliations: int = Field(
        10_000, ge=1, description="The most owners, admins, members and banned of a room together."
    )
    reason: int = Field(
        1000, ge=0, description="The longest reason of a kick, a ban or an invitation, in characters."
    )
    registration: bool = Field(
        True,
        description="Whether users may register with rooms, where their owners allow it (XEP-0045 §7.10).",
    )
    nicks_locked: bool = Field(
        False, description="Whether members must use the nick that they have registered (XEP-0045 §7.6)."
    )
