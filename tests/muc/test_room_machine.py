"""A room under random requests stays what the tables of XEP-0045 say, and is shown to all as it is."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from burble.modules.muc.ranks import Affiliation
from tests.muc.machine import RoomMachine
from tests.muc.rooms import join, make_room, send

TestRoom = RoomMachine.TestCase
# For about ten seconds; `python -m tests.muc.machine --minutes 60` takes its time.
TestRoom.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_who_is_no_owner_any_more_can_be_taken_out_of_a_room_that_is_not_open_yet() -> None:
    """§10.1, §11.1: its client is gone, and what is sent to it comes back."""
    room = make_room()
    room.locked = True
    join(room, "crone1@example.com/desktop", "firstwitch", Affiliation.OWNER)
    room.grant(next(iter(room.present)).bare, Affiliation.ADMIN)

    send(
        room,
        "<message type='error' from='crone1@example.com/desktop'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    )

    assert not room.occupants
