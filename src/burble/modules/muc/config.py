"""What the owners of a room may set (XEP-0045 §10.2)."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from burble.config import Table
from burble.jid import JID

Visible = Literal["moderator", "participant", "visitor"]


class HatSetting(Table):
    """A hat that can be worn in a room (XEP-0317)."""

    uri: str = Field(min_length=1, max_length=500, description="What it is, for programs.")
    title: str = Field(min_length=1, max_length=100, description="What it is, for people.")
    hue: str = Field("", max_length=20, description="The angle of its colour, from 0 to 360.")


class RoomConfig(Table):
    """The configuration of a room; never changed, but replaced (`model_copy`)."""

    model_config = ConfigDict(frozen=True)

    name: str = Field("", max_length=200, description="The room's name, for people.")
    description: str = Field("", max_length=2000, description="What it is about.")
    lang: str = Field("", max_length=35, description="The language spoken there, such as `en`.")
    contacts: list[JID] = Field([], max_length=20, description="Whom to turn to.")
    persistent: bool = Field(False, description="Whether the room stays when the last occupant has left.")
    public: bool = Field(True, description="Whether the service lists the room.")
    members_only: bool = Field(False, description="Whether only members may enter.")
    password: str = Field(
        "", max_length=200, description="What occupants must know to enter; empty for none."
    )
    moderated: bool = Field(False, description="Whether those who enter without affiliation have no voice.")
    whois: Literal["moderators", "anyone"] = Field("moderators", description="Who sees real addresses.")
    max_users: int = Field(200, ge=0, description="The most occupants; 0 for as many as the service allows.")
    change_subject: bool = Field(False, description="Whether participants may change the subject.")
    allow_invites: bool = Field(True, description="Whether any occupant may invite others, not only admins.")
    allow_pm: Literal["anyone", "participants", "moderators", "none"] = Field(
        "anyone", description="Who may send private messages."
    )
    allow_voice_requests: bool = Field(True, description="Whether visitors may ask for voice.")
    registration: Literal["nobody", "approved", "anyone"] = Field(
        "approved", description="Who may become a member by registering: those an admin approves, or anyone."
    )
    presence_broadcast: frozenset[Visible] = Field(
        frozenset({"moderator", "participant", "visitor"}),
        description="The roles whose occupants are shown to the others.",
    )
    member_list: frozenset[Visible] = Field(
        frozenset({"moderator", "participant", "visitor"}),
        description="The roles that may see the lists of members, admins and owners.",
    )
    hats: tuple[HatSetting, ...] = Field(
        (), max_length=50, description="The hats that admins can give people to wear."
    )
    logging: bool = Field(False, description="Whether what is said is logged, for others to read.")
    archiving: bool = Field(
        True,
        description="Whether what is said in a persistent room is archived, for those to read who may enter "
        "(XEP-0313).",
    )
    history: int = Field(20, ge=0, description="How many messages a newcomer is sent.")
    pubsub: str = Field(
        "", max_length=2000, description="The address of a publish-subscribe node that belongs to the room."
    )
    ldap_group: str = Field(
        "",
        max_length=2000,
        description="The distinguished name of an LDAP group that belongs to the room, for clients to see.",
    )
