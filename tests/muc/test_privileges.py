"""Who may change roles and affiliations (XEP-0045 §5): every row of the tables."""

from __future__ import annotations

from itertools import product

import pytest

from burble.errors import StanzaError
from burble.modules.muc.privileges import check_affiliation, check_role, role_after
from burble.modules.muc.ranks import Affiliation, Role
from tests.muc import tables

INSIDE = [Affiliation.NONE, Affiliation.MEMBER, Affiliation.ADMIN, Affiliation.OWNER]
ROLES = [Role.VISITOR, Role.PARTICIPANT, Role.MODERATOR]


def refusal_of_role(acting: Role, by: Affiliation, of: Affiliation, role: Role, wanted: Role) -> str | None:
    try:
        check_role(acting, by, of, role, wanted)
    except StanzaError as error:
        return error.condition
    return None


@pytest.mark.parametrize(("by", "of"), [*product(INSIDE, INSIDE)])
def test_roles_change_as_the_tables_say(by: Affiliation, of: Affiliation) -> None:
    for acting, role, wanted in product(Role, ROLES, Role):
        if by >= Affiliation.ADMIN and acting not in (Role.NONE, Role.MODERATOR):
            continue  # they are moderators wherever they are
        if of >= Affiliation.ADMIN and role is not Role.MODERATOR:
            continue
        if role is not wanted:
            allowed = tables.may_change_role(str(acting), str(by), str(of), str(role), str(wanted))
            refused = refusal_of_role(acting, by, of, role, wanted)
            assert (refused is None) is allowed, (acting, role, wanted, refused)


@pytest.mark.parametrize(("by", "of", "wanted"), [*product(Affiliation, repeat=3)])
def test_affiliations_change_as_the_tables_say(by: Affiliation, of: Affiliation, wanted: Affiliation) -> None:
    allowed = tables.may_change_affiliation(str(by), str(of), str(wanted))
    if allowed:
        check_affiliation(by, of, wanted)
        return
    with pytest.raises(StanzaError) as caught:
        check_affiliation(by, of, wanted)
    assert caught.value.condition in ("forbidden", "not-allowed")


def test_the_errors_of_the_examples() -> None:
    """What §8.2, §8.4, §9.1, §9.7, §10.5 and §10.8 name."""
    moderator, member = Role.MODERATOR, Affiliation.MEMBER
    kick = refusal_of_role(moderator, member, Affiliation.ADMIN, moderator, Role.NONE)
    silence = refusal_of_role(moderator, member, Affiliation.ADMIN, moderator, Role.VISITOR)
    unmake = refusal_of_role(moderator, Affiliation.ADMIN, Affiliation.OWNER, moderator, Role.PARTICIPANT)
    assert [kick, silence, unmake] == ["not-allowed"] * 3
    assert refusal_of_role(Role.PARTICIPANT, member, member, Role.PARTICIPANT, Role.NONE) == "forbidden"
    assert refusal_of_role(moderator, member, member, Role.PARTICIPANT, moderator) == "forbidden"
    for of, wanted, condition in (
        (Affiliation.OWNER, Affiliation.OUTCAST, "not-allowed"),
        (Affiliation.OWNER, Affiliation.NONE, "forbidden"),
        (Affiliation.NONE, Affiliation.ADMIN, "forbidden"),
    ):
        with pytest.raises(StanzaError) as caught:
            check_affiliation(Affiliation.ADMIN, of, wanted)
        assert caught.value.condition == condition


@pytest.mark.parametrize(("was", "now", "moderated"), [*product(INSIDE, INSIDE, [False, True])])
def test_roles_follow_affiliations(was: Affiliation, now: Affiliation, moderated: bool) -> None:
    first = Role.parse(tables.FIRST_ROLE[str(now)][moderated])
    for role in ROLES:
        if was < Affiliation.ADMIN or role is Role.MODERATOR:
            expected = tables.role_after(str(role), str(was), str(now), moderated)
            assert str(role_after(role, was, now, first)) == expected
