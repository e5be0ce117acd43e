"""Affiliations and roles (XEP-0045 §5): each orders by what it allows."""

from __future__ import annotations

from enum import IntEnum

from burble.errors import StanzaError


class Affiliation(IntEnum):
    """A long-lived relation of an account or a domain to a room (§5.2)."""

    OUTCAST = 0
    NONE = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Affiliation:
        """The affiliation of a name.

        Raises:
            StanzaError: bad-request, where there is none of that name.
        """
        try:
            return _AFFILIATIONS[text]
        except KeyError:
            raise StanzaError("bad-request", f"there is no affiliation {text[:40]!r}") from None


class Role(IntEnum):
    """What an occupant may do for this visit (§5.1)."""

    NONE = 0
    VISITOR = 1
    PARTICIPANT = 2
    MODERATOR = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Role:
        """The role of a name.

        Raises:
            StanzaError: bad-request, where there is none of that name.
        """
        try:
            return _ROLES[text]
        except KeyError:
            raise StanzaError("bad-request", f"there is no role {text[:40]!r}") from None


_AFFILIATIONS = {str(affiliation): affiliation for affiliation in Affiliation}
_ROLES = {str(role): role for role in Role}
