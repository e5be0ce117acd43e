"""Who may do what in a room: the tables of XEP-0045 §5 as data, written down a second time to test the first.

What §8 to §10 say beyond the tables is told where it stands. Names are those of the XEP.
"""

from __future__ import annotations

ROLES = ("none", "visitor", "participant", "moderator")
AFFILIATIONS = ("outcast", "none", "member", "admin", "owner")

#: §5.1.2, the role to enter with: by affiliation, in an unmoderated room and in a moderated one.
FIRST_ROLE = {
    "none": ("participant", "visitor"),
    "member": ("participant", "participant"),
    "admin": ("moderator", "moderator"),
    "owner": ("moderator", "moderator"),
}

#: §5.2.2: what an admin or owner may make of each affiliation.
_BY_ADMIN = {
    "outcast": {"outcast", "none", "member"},
    "none": {"outcast", "none", "member"},
    "member": {"outcast", "none", "member"},
    "admin": set[str](),
    "owner": set[str](),
}
_BY_OWNER = {of: set(AFFILIATIONS) for of in AFFILIATIONS}
AFFILIATION_CHANGES: dict[str, dict[str, set[str]]] = {"admin": _BY_ADMIN, "owner": _BY_OWNER}

#: §5.1.3: who may make one role of another. "voice" stands for any moderator, "admin" for admins and owners.
ROLE_CHANGES = {
    ("visitor", "none"): "voice",
    ("visitor", "participant"): "voice",
    ("visitor", "moderator"): "admin",
    ("participant", "none"): "voice",
    ("participant", "visitor"): "voice",
    ("participant", "moderator"): "admin",
    ("moderator", "none"): "admin",
    ("moderator", "visitor"): "admin",
    ("moderator", "participant"): "admin",
}

#: §8.2: of which affiliations an occupant must be to be kicked by a moderator of each.
KICKED_BY = {
    "none": {"none"},
    "member": {"none", "member"},
    "admin": {"none", "member", "admin"},
    "owner": {"none", "member", "admin", "owner"},
}

#: §8.4: who may lose voice by a moderator of each; nobody "at or above the moderator's level".
SILENCED_BY = {
    "none": {"none"},
    "member": {"none"},
    "admin": {"none", "member"},
    "owner": {"none", "member"},
}

#: §10.2, allowpm: the roles that may send private messages.
PRIVATE_BY = {
    "anyone": {"visitor", "participant", "moderator"},
    "participants": {"participant", "moderator"},
    "moderators": {"moderator"},
    "none": set[str](),
}


def may_change_affiliation(by: str, of: str, wanted: str) -> bool:
    """Whether somebody of one affiliation may change that of an account."""
    return wanted in AFFILIATION_CHANGES.get(by, {}).get(of, set())


def may_change_role(acting: str, by: str, of: str, role: str, wanted: str) -> bool:
    """Whether somebody may change the role of an occupant.

    Args:
        acting: its role.
        by: its affiliation.
        of: the affiliation of the occupant.
        role: the role of the occupant.
        wanted: the one it is to have.
    """
    needed = ROLE_CHANGES[role, wanted]
    if needed == "admin" and by not in ("admin", "owner"):
        return False
    if wanted == "none":
        return acting == "moderator" and of in KICKED_BY[by]
    if role == "moderator":
        return of not in ("admin", "owner")  # §9.7
    if needed == "voice" and acting != "moderator":
        return False
    return wanted != "visitor" or of in SILENCED_BY[by]


def role_after(role: str, was: str, now: str, moderated: bool) -> str:
    """The role of an occupant whose affiliation was changed, and lets it stay (§5.1.3, the note)."""
    rank = ROLES.index
    first = FIRST_ROLE[now][moderated]
    if AFFILIATIONS.index(now) > AFFILIATIONS.index(was):
        return max(role, first, key=rank)
    if now == was or (was == "member" and role == "moderator"):
        return role
    return min(role, first, key=rank)
