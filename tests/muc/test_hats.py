"""Hats (XEP-0317)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.config import HatSetting
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.stanza import Iq, Stanza
from tests.muc.rooms import codes, join, make_room, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
WICCA = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"
HOST = HatSetting(uri="http://example.org/hats#host", title="Host", hue="327.25")


def command(node: str, by: str = CRONE, attrs: str = "", form: bool = False, **values: str) -> str:
    fields = "".join(
        f"<field var='hats#{name}'><value>{value}</value></field>" for name, value in values.items()
    )
    x = f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>" if form or values else ""
    open_tag = f"<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:{node}'"
    return f"<iq from='{by}' id='h1' type='set'>{open_tag} {attrs}>{x}</command></iq>"


def school(*hats: HatSetting) -> Room:
    room = make_room(hats=hats)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WICCA, "secondwitch", Affiliation.ADMIN)
    join(room, HAG, "thirdwitch")
    return room


def status(sent: list[Stanza]) -> str | None:
    assert isinstance(sent[0], Iq)
    assert sent[0].payload is not None
    return sent[0].payload.get("status")


def shown(sent: list[Stanza], to: str) -> list[str]:
    """The hats in the presences a client is sent."""
    found = []
    for each in sent_to(sent, to):
        if each.name == "presence":
            hats = each.child("hats", "urn:xmpp:hats:0")
            found.append("" if hats is None else " ".join(hat.attrs["title"] for hat in hats.elements("hat")))
    return found


def test_a_hat_from_its_making_to_its_end() -> None:
    room = school()
    sent = send(room, command("create"))
    assert status(sent) == "executing"
    assert "var='hats#title' type='text-single' label='Title'><required/>" in str(sent[0])
    sent = send(room, command("create", title="Host", uri=HOST.uri, hue="327.25"))
    assert status(sent) == "completed"
    assert [codes(message) for message in sent_to(sent, HAG)] == [[104]]
    assert room.config.hats == (HOST,)

    sent = send(room, command("assign", by=WICCA, jid="hag66@example.org/pda", uri=HOST.uri))
    assert shown(sent, CRONE) == shown(sent, HAG) == ["Host"]
    assert "hue='327.25'" in str(sent_to(sent, CRONE)[0])
    (listed,) = send(room, command("list-assigned", by=WICCA))
    assert "<value>hag66@example.org</value>" in str(listed)

    sent = send(room, command("create", title="Hostess", uri=HOST.uri))
    assert shown(sent, CRONE) == ["Hostess"]
    sent = send(room, command("destroy", uri=HOST.uri))
    assert shown(sent, CRONE) == [""]
    assert (room.config.hats, room.hats) == ((), {})


def test_a_hat_is_taken_off() -> None:
    room = school(HOST)
    send(room, command("assign", jid="hag66@example.org", uri=HOST.uri))
    assert len(send(room, command("assign", jid="hag66@example.org", uri=HOST.uri))) == 1
    sent = send(room, command("unassign", jid="hag66@example.org", uri=HOST.uri))
    assert shown(sent, HAG) == [""]
    assert room.unsaved[-1] == ("hats", JID.parse("hag66@example.org"))


def test_the_list() -> None:
    (listed,) = send(school(HOST), command("list"))
    assert "<value>Host</value>" in str(listed)
    assert status([listed]) == "completed"


@pytest.mark.parametrize(("by", "allowed"), [(CRONE, "create destroy assign"), (WICCA, "assign"), (HAG, "")])
def test_who_may(by: str, allowed: str) -> None:
    room = school(HOST)
    for node in ("create", "destroy", "assign"):
        if node in allowed.split():
            assert status(send(room, command(node, by))) == "executing"
        else:
            assert refusal(room, command(node, by)).condition == "forbidden"


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        (command("polish"), "item-not-found"),
        (command("create", attrs="action='dance'"), "bad-request"),
        (command("create", form=True), "not-acceptable"),
        (command("create", title="Host", uri="no uri"), "not-acceptable"),
        (command("create", title="Host", uri="x:y", hue="361"), "not-acceptable"),
        (command("create", title="x" * 101, uri="x:y"), "not-acceptable"),
        (command("assign", jid="hag66@example.org", uri="x:other"), "not-acceptable"),
        (command("assign", uri=HOST.uri), "not-acceptable"),
    ],
)
def test_what_is_refused(asked: str, condition: str) -> None:
    assert refusal(school(HOST), asked).condition == condition


def test_there_is_an_end_of_hats() -> None:
    room = school(*[HatSetting(uri=f"x:{number}", title="Host") for number in range(50)])
    assert refusal(room, command("create", title="One more", uri="x:50")).condition == "not-acceptable"
    send(room, command("create", title="Another", uri="x:49"))


def test_a_command_is_cancelled() -> None:
    assert status(send(school(), command("create", attrs="action='cancel'"))) == "canceled"
