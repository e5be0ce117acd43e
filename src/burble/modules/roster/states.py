"""The subscription states between a user and a contact, seen from the user (RFC 6121 §3, appendix A).

Pure functions: they take the state in which a stanza finds a contact and say what becomes of both.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NONE", "SUBSCRIPTION_TYPES", "Outcome", "State", "inbound", "outbound"]

#: The types of presence that manage subscriptions (§4.7.1).
SUBSCRIPTION_TYPES: Final = frozenset({"subscribe", "subscribed", "unsubscribe", "unsubscribed"})


class State(NamedTuple):
    """A subscription state (appendix A.1) and the pre-approval of §3.4.

    Attributes:
        to: the user is subscribed to the contact's presence.
        from_: the contact is subscribed to the user's.
        pending_out: the user has asked, and the contact not answered.
        pending_in: the contact has asked, and the user not answered.
        approved: the user has approved a request that the contact has not made yet.
    """

    to: bool = False
    from_: bool = False
    pending_out: bool = False
    pending_in: bool = False
    approved: bool = False

    @property
    def subscription(self) -> str:
        """The value of a roster item's ``subscription`` (§2.1.2.5)."""
        return ("both" if self.from_ else "to") if self.to else "from" if self.from_ else "none"


NONE: Final = State()


class Outcome(NamedTuple):
    """What a subscription stanza does.

    Attributes:
        state: the state from now on.
        passed: the stanza goes on its way: routed to the contact, or delivered to the user.
        granted: the server answers ``subscribed`` on the user's behalf (§3.1.3, §3.4.2).
    """

    state: State
    passed: bool
    granted: bool = False


def outbound(state: State, type: str) -> Outcome:
    """A subscription stanza from the user to the contact (appendix A.2).

    Args:
        state: the state it finds.
        type: one of `SUBSCRIPTION_TYPES`.
    """
    match type:
        case "subscribe":  # A.2.1
            return Outcome(state if state.to else state._replace(pending_out=True), True)
        case "unsubscribe":  # A.2.2
            return Outcome(state._replace(to=False, pending_out=False), True)
        case "subscribed":  # A.2.3
            if state.pending_in:
                return Outcome(state._replace(from_=True, pending_in=False), True)
            return Outcome(state if state.from_ else state._replace(approved=True), False)
        case _:  # A.2.4
            passed = state.from_ or state.pending_in
            return Outcome(state._replace(from_=False, pending_in=False, approved=False), passed)


def inbound(state: State, type: str) -> Outcome:
    """A subscription stanza from the contact to the user (appendix A.3).

    Args:
        state: the state it finds.
        type: one of `SUBSCRIPTION_TYPES`.
    """
    match type:
        case "subscribe":  # A.3.1
            if state.from_:
                return Outcome(state, False, granted=True)
            if state.approved:
                return Outcome(state._replace(from_=True, pending_in=False), False, granted=True)
            return Outcome(state._replace(pending_in=True), not state.pending_in)
        case "unsubscribe":  # A.3.2
            return Outcome(state._replace(from_=False, pending_in=False), state.from_ or state.pending_in)
        case "subscribed":  # A.3.3
            if not state.pending_out:
                return Outcome(state, False)
            return Outcome(state._replace(to=True, pending_out=False), True)
        case _:  # A.3.4
            return Outcome(state._replace(to=False, pending_out=False), state.to or state.pending_out)
