"""Who may change whose role and affiliation: the tables of XEP-0045 §5, and §8 to §10 where they say more."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.modules.muc.ranks import Affiliation, Role

__all__ = ["check_affiliation", "check_role", "role_after"]


def check_role(acting: Role, by: Affiliation, of: Affiliation, role: Role, wanted: Role) -> None:
    """Check that somebody may change the role of an occupant (§5.1.3, §8.2 to §8.5, §9.6 to §9.8).

    Args:
        acting: the role of who asks; none outside the room.
        by: the affiliation of who asks.
        of: the affiliation of the occupant.
        role: the role of the occupant.
        wanted: the role it is to have; none takes it out of the room.

    Raises:
        StanzaError: forbidden, where somebody of that role and affiliation never may do it; not-allowed,
            where not to this occupant.
    """
    if wanted is not Role.NONE and Role.MODERATOR in (role, wanted):
        if (
            wanted < role
            and of >= Affiliation.ADMIN
            and (acting is Role.MODERATOR or by >= Affiliation.ADMIN)
        ):
            raise StanzaError("not-allowed", "admins and owners are always moderators")
        if by < Affiliation.ADMIN:
            raise StanzaError("forbidden", "only admins and owners make moderators, or unmake them")
    elif acting < Role.MODERATOR:
        raise StanzaError("forbidden", "only moderators may do that")
    elif wanted is Role.NONE:
        if of > by:
            raise StanzaError("not-allowed", f"an {of} can't be kicked by somebody of a lower affiliation")
        if role is Role.MODERATOR and by < Affiliation.ADMIN:
            raise StanzaError("not-allowed", "only admins and owners may kick moderators")
    elif wanted < role and of >= min(Affiliation.ADMIN, max(by, Affiliation.MEMBER)):
        # §8.4 shields whoever is "at or above the moderator's level"; no affiliation is no level.
        raise StanzaError("not-allowed", f"voice can't be taken from an occupant that is {of}")


def check_affiliation(by: Affiliation, of: Affiliation, wanted: Affiliation) -> None:
    """Check that somebody may change the affiliation of an account (§5.2.2, §9.1 to §9.5, §10.3 to §10.8).

    Args:
        by: the affiliation of who asks.
        of: that of the account.
        wanted: the one the account is to have.

    Raises:
        StanzaError: forbidden, where somebody of that affiliation never may do it; not-allowed, where it
            would ban somebody who can't be banned.
    """
    if by < Affiliation.ADMIN:
        raise StanzaError("forbidden", "only admins and owners change affiliations")
    if by is Affiliation.OWNER:
        return
    if wanted is Affiliation.OUTCAST and of >= Affiliation.ADMIN:
        raise StanzaError("not-allowed", f"an {of} can be banned by an owner only")
    if max(of, wanted) >= Affiliation.ADMIN:
        raise StanzaError("forbidden", "only owners make admins and owners, or unmake them")


def role_after(role: Role, was: Affiliation, now: Affiliation, first: Role) -> Role:
    """The role of an occupant whose affiliation has changed (§5.1.3, §10.2).

    Args:
        role: the role before.
        was: the affiliation before.
        now: the affiliation it has.
        first: the role with which somebody of that affiliation enters.

    Returns:
        With more, at least what it would enter with. With less, no more than that, save the role of a
        moderator that was given to an occupant who was neither admin nor owner.
    """
    if now > was:
        return max(role, first)
    if now < was and (was >= Affiliation.ADMIN or role < Role.MODERATOR):
        return min(role, first)
    return role
