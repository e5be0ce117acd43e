"""The subscription state machine: every line of RFC 6121 appendix A, and pre-approval (§3.4)."""

from __future__ import annotations

import pytest

from burble.modules.roster.states import State, inbound, outbound

#: Appendix A.1.
STATES = {
    "None": State(),
    "None + Pending Out": State(pending_out=True),
    "None + Pending In": State(pending_in=True),
    "None + Pending Out+In": State(pending_out=True, pending_in=True),
    "To": State(to=True),
    "To + Pending In": State(to=True, pending_in=True),
    "From": State(from_=True),
    "From + Pending Out": State(from_=True, pending_out=True),
    "Both": State(to=True, from_=True),
}

#: Existing state | routed? | new state; "-" for no change.
OUTBOUND = {
    "subscribe": """
        None                  | yes | None + Pending Out
        None + Pending Out    | yes | -
        None + Pending In     | yes | None + Pending Out+In
        None + Pending Out+In | yes | -
        To                    | yes | -
        To + Pending In       | yes | -
        From                  | yes | From + Pending Out
        From + Pending Out    | yes | -
        Both                  | yes | -
    """,
    "unsubscribe": """
        None                  | yes | -
        None + Pending Out    | yes | None
        None + Pending In     | yes | -
        None + Pending Out+In | yes | None + Pending In
        To                    | yes | None
        To + Pending In       | yes | None + Pending In
        From                  | yes | -
        From + Pending Out    | yes | From
        Both                  | yes | From
    """,
    "subscribed": """
        None                  | no  | - approved
        None + Pending Out    | no  | - approved
        None + Pending In     | yes | From
        None + Pending Out+In | yes | From + Pending Out
        To                    | no  | - approved
        To + Pending In       | yes | Both
        From                  | no  | -
        From + Pending Out    | no  | -
        Both                  | no  | -
    """,
    "unsubscribed": """
        None                  | no  | -
        None + Pending Out    | no  | -
        None + Pending In     | yes | None
        None + Pending Out+In | yes | None + Pending Out
        To                    | no  | -
        To + Pending In       | yes | To
        From                  | yes | None
        From + Pending Out    | yes | None + Pending Out
        Both                  | yes | To
    """,
}

#: Existing state | delivered? | new state; "auto" where the server answers ``subscribed`` instead.
INBOUND = {
    "subscribe": """
        None                  | yes  | None + Pending In
        None + Pending Out    | yes  | None + Pending Out+In
        None + Pending In     | no   | -
        None + Pending Out+In | no   | -
        To                    | yes  | To + Pending In
        To + Pending In       | no   | -
        From                  | auto | -
        From + Pending Out    | auto | -
        Both                  | auto | -
    """,
    "unsubscribe": """
        None                  | no  | -
        None + Pending Out    | no  | -
        None + Pending In     | yes | None
        None + Pending Out+In | yes | None + Pending Out
        To                    | no  | -
        To + Pending In       | yes | To
        From                  | yes | None
        From + Pending Out    | yes | None + Pending Out
        Both                  | yes | To
    """,
    "subscribed": """
        None                  | no  | -
        None + Pending Out    | yes | To
        None + Pending In     | no  | -
        None + Pending Out+In | yes | To + Pending In
        To                    | no  | -
        To + Pending In       | no  | -
        From                  | no  | -
        From + Pending Out    | yes | Both
        Both                  | no  | -
    """,
    "unsubscribed": """
        None                  | no  | -
        None + Pending Out    | yes | None
        None + Pending In     | no  | -
        None + Pending Out+In | yes | None + Pending In
        To                    | yes | None
        To + Pending In       | yes | None + Pending In
        From                  | no  | -
        From + Pending Out    | yes | From
        Both                  | yes | From
    """,
}


def lines(tables: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """The tables' lines: stanza, existing state, passed on, new state."""
    found = [
        (kind, *(cell.strip() for cell in line.split("|")))
        for kind, table in tables.items()
        for line in table.strip().splitlines()
    ]
    assert len(found) == 4 * len(STATES)
    return found


@pytest.mark.parametrize(("kind", "existing", "passed", "new"), lines(OUTBOUND))
def test_outbound(kind: str, existing: str, passed: str, new: str) -> None:
    """Tables A.2.1 to A.2.4."""
    state = STATES[existing]
    outcome = outbound(state, kind)
    assert outcome.passed == (passed == "yes")
    assert not outcome.granted
    expected = state._replace(approved=True) if new == "- approved" else STATES.get(new, state)
    assert outcome.state == expected


@pytest.mark.parametrize(("kind", "existing", "passed", "new"), lines(INBOUND))
def test_inbound(kind: str, existing: str, passed: str, new: str) -> None:
    """Tables A.3.1 to A.3.4."""
    state = STATES[existing]
    outcome = inbound(state, kind)
    assert outcome.passed == (passed == "yes")
    assert outcome.granted == (passed == "auto")
    assert outcome.state == STATES.get(new, state)


@pytest.mark.parametrize(
    ("existing", "new"),
    [("None", "From"), ("None + Pending Out", "From + Pending Out"), ("To", "Both")],
)
def test_approved_request_is_granted(existing: str, new: str) -> None:
    """§3.4.2: a request that was approved before it came is not delivered."""
    outcome = inbound(STATES[existing]._replace(approved=True), "subscribe")
    assert (outcome.passed, outcome.granted) == (False, True)
    assert outcome.state._replace(approved=False) == STATES[new]


@pytest.mark.parametrize("existing", ["None", "None + Pending Out", "To"])
def test_approval_is_taken_back(existing: str) -> None:
    """§3.4.2, A.2.4: ``unsubscribed`` cancels an approval without the contact's knowing."""
    outcome = outbound(STATES[existing]._replace(approved=True), "unsubscribed")
    assert outcome == (STATES[existing], False, False)


@pytest.mark.parametrize(
    ("subscription", "name"), [("none", "None"), ("to", "To"), ("from", "From"), ("both", "Both")]
)
def test_roster_value(subscription: str, name: str) -> None:
    """§2.1.2.5: what a client sees of a state."""
    assert STATES[name].subscription == subscription
