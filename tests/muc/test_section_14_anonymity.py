"""What must not tell real addresses in a semi-anonymous room (XEP-0045 §14.4, §17.4)."""

from __future__ import annotations

import pytest

from burble.modules.muc.discovery import room_info
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.stanza import Iq
from tests.muc.rooms import ROOM, join, make_room, send, stanza

CRONE = "crone1@secret.example.org/desktop"
HAG = "hag66@example.org/pda"
ERROR = (
    "<error type='cancel' by='secret.example.org'>"
    "<{0} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:crone1@secret.example.org</{0}>"
    "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>secret.example.org can't be reached</text>"
    "<detail xmlns='urn:example' jid='crone1@secret.example.org'>crone1@secret.example.org</detail></error>"
    "<note xmlns='urn:example'>for crone1@secret.example.org</note>"
)


def coven() -> Room:
    """A semi-anonymous room with two occupants."""
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    return room


@pytest.mark.parametrize("name", ["gone", "redirect", "remote-server-not-found"])
def test_an_error_for_a_request_tells_its_condition_and_no_address(name: str) -> None:
    room = coven()
    info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    (asked,) = send(room, f"<iq from='{HAG}' to='{ROOM}/firstwitch' id='i1' type='get'>{info}</iq>")
    error = ERROR.format(name)
    (told,) = send(room, f"<iq from='{CRONE}' to='{asked.from_}' id='{asked.id}' type='error'>{error}</iq>")
    assert told.failure().condition == name
    assert b"secret" not in told.to_bytes()


@pytest.mark.parametrize("name", ["gone", "redirect", "remote-server-not-found"])
def test_an_error_for_a_private_message_tells_its_condition_and_no_address(name: str) -> None:
    room = coven()
    said = "id='m1' type='chat'><body>hello</body>"
    send(room, f"<message from='{HAG}' to='{ROOM}/firstwitch' {said}</message>")
    error = ERROR.format(name)
    (told,) = send(
        room, f"<message from='{CRONE}' to='{ROOM}/thirdwitch' id='m1' type='error'>{error}</message>"
    )
    assert told.to == HAG
    assert told.failure().condition == name
    assert b"secret" not in told.to_bytes()


@pytest.mark.parametrize(("whois", "told"), [("anyone", True), ("moderators", False)])
def test_owners_are_named_to_strangers_where_addresses_are_no_secret(whois: str, told: bool) -> None:
    room = make_room(whois=whois)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    request = stanza(
        f"<iq from='{HAG}' id='i1' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    )
    assert isinstance(request, Iq)
    (answer,) = room_info(room, request)
    assert (b"crone1@secret.example.org" in answer.to_bytes()) is told
