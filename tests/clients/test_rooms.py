"""Rooms, as slixmpp's plug-in for XEP-0045 and people with profanity use them."""

from __future__ import annotations

import itertools

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError, PresenceError

from tests.clients.conftest import Meet
from tests.clients.profanity_user import ProfanityUser
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PATIENCE

pytestmark = pytest.mark.clients

_numbers = itertools.count(1)


def new_room() -> str:
    """The address of a room that is not there yet."""
    return f"cave{next(_numbers)}@conference.localhost"


async def slixmpp_user(meet: Meet, name: str) -> SlixmppUser:
    """A user with slixmpp."""
    user = await meet("slixmpp", name)
    assert isinstance(user, SlixmppUser)
    return user


async def enter(user: SlixmppUser, room: str, nick: str) -> list[str]:
    """Enter a room with slixmpp; returns who is there."""
    muc = user.client.plugin["xep_0045"]
    await muc.join_muc_wait(JID(room), nick, timeout=PATIENCE)
    return sorted(muc.get_roster(JID(room)))


async def configure(user: SlixmppUser, room: str, **changes: object) -> None:
    """Fill in the form of a room's configuration; keywords are fields without ``muc#roomconfig_``."""
    muc = user.client.plugin["xep_0045"]
    form = await muc.get_room_config(room, timeout=PATIENCE)
    for name, value in changes.items():
        form.get_fields()[f"muc#roomconfig_{name}"]["value"] = value
    await muc.set_room_config(room, form, timeout=PATIENCE)


async def test_two_create_a_room_talk_and_leave(meet: Meet) -> None:
    """§7.1, §7.4, §7.14, §10.1: with history and subject for who comes later."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await slixmpp_user(meet, "romeo")
    assert await enter(juliet, room, "Juliet") == ["Juliet"]
    await configure(juliet, room, roomname="The orchard", persistentroom=True)
    juliet.client.plugin["xep_0045"].set_subject(room, "Names")
    juliet.client.send_message(mto=room, mbody="What's in a name?", mtype="groupchat")
    await juliet.happens(kind="room message", body="What's in a name?", **{"from": f"{room}/Juliet"})

    muc = romeo.client.plugin["xep_0045"]
    _, subject, _, history = await muc.join_muc_wait(JID(room), "Romeo", maxstanzas=5, timeout=PATIENCE)
    assert subject["subject"] == "Names"
    assert [message["body"] for message in history] == ["What's in a name?"]
    assert sorted(muc.get_roster(JID(room))) == ["Juliet", "Romeo"]

    romeo.client.send_message(mto=room, mbody="I take thee at thy word", mtype="groupchat")
    await juliet.happens(kind="room message", body="I take thee at thy word", **{"from": f"{room}/Romeo"})
    await romeo.log_out()
    await juliet.happens(kind="room presence", type="unavailable", **{"from": f"{room}/Romeo"})


async def test_members_are_invited_into_a_room_for_members_only(meet: Meet) -> None:
    """§7.8, §9.3, §10.2."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await slixmpp_user(meet, "romeo")
    tybalt = await slixmpp_user(meet, "tybalt")
    await enter(juliet, room, "Juliet")
    await configure(juliet, room, membersonly=True)
    with pytest.raises(PresenceError) as refused:
        await enter(tybalt, room, "Tybalt")
    assert refused.value.condition == "registration-required"

    juliet.client.plugin["xep_0045"].invite(room, romeo.jid, "Come to the balcony")

    invitation = (await romeo.happens(kind="invitation", **{"from": room}))["stanza"]
    assert invitation["muc"]["invite"]["reason"] == "Come to the balcony"
    assert await enter(romeo, room, "Romeo") == ["Juliet", "Romeo"]
    members = await juliet.client.plugin["xep_0045"].get_affiliation_list(room, "member", timeout=PATIENCE)
    assert members == [romeo.jid]


async def test_a_direct_invitation_arrives(meet: Meet) -> None:
    """XEP-0249."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await slixmpp_user(meet, "romeo")

    juliet.client.plugin["xep_0249"].send_invitation(romeo.jid, room, reason="Come to the balcony")

    invitation = (await romeo.happens(kind="invitation"))["stanza"]
    assert (str(invitation["groupchat_invite"]["jid"]), invitation["groupchat_invite"]["reason"]) == (
        room,
        "Come to the balcony",
    )


async def test_a_moderator_gives_voice_kicks_and_bans(meet: Meet) -> None:
    """§8.2, §8.3, §9.1."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await slixmpp_user(meet, "romeo")
    muc = juliet.client.plugin["xep_0045"]
    await enter(juliet, room, "Juliet")
    await configure(juliet, room, moderatedroom=True)
    await enter(romeo, room, "Romeo")
    romeo.client.send_message(mto=room, mbody="But soft!", mtype="groupchat")
    refusal = (await romeo.happens(kind="room message", type="error", **{"from": room}))["stanza"]
    assert refusal["error"]["condition"] == "forbidden"

    await muc.set_role(room, "Romeo", "participant", timeout=PATIENCE)
    romeo.client.send_message(mto=room, mbody="What light?", mtype="groupchat")
    await juliet.happens(kind="room message", body="What light?", **{"from": f"{room}/Romeo"})
    with pytest.raises(IqError) as refused:
        await romeo.client.plugin["xep_0045"].set_role(room, "Juliet", "none", timeout=PATIENCE)
    assert refused.value.condition in ("forbidden", "not-allowed")

    await muc.set_role(room, "Romeo", "none", reason="Hush", timeout=PATIENCE)
    gone = await romeo.happens(kind="room presence", type="unavailable", **{"from": f"{room}/Romeo"})
    assert gone["stanza"]["muc"]["status_codes"] == {110, 307}
    await enter(romeo, room, "Romeo")
    await muc.set_affiliation(room, "outcast", jid=romeo.jid, timeout=PATIENCE)
    gone = await romeo.happens(kind="room presence", type="unavailable", **{"from": f"{room}/Romeo"})
    assert gone["stanza"]["muc"]["status_codes"] == {110, 301}
    with pytest.raises(PresenceError) as banned:
        await enter(romeo, room, "Romeo")
    assert banned.value.condition == "forbidden"


async def test_who_registers_has_a_nick_of_its_own_once_an_owner_agrees(meet: Meet) -> None:
    """§7.10, §9.9."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await slixmpp_user(meet, "romeo")
    await enter(juliet, room, "Juliet")
    await configure(juliet, room)
    answer = await romeo.client.plugin["xep_0077"].get_registration(JID(room), timeout=PATIENCE)
    form = answer["register"]["form"]
    form.get_fields()["muc#register_roomnick"]["value"] = "Montague"
    form["type"] = "submit"
    request = romeo.client.make_iq_set(ito=room)
    request["register"].append(form)
    await request.send(timeout=PATIENCE)

    asked = (await juliet.happens(kind="room message", type="normal", **{"from": room}))["stanza"]
    approval = asked["form"]
    approval.get_fields()["muc#register_allow"]["value"] = True
    approval["type"] = "submit"
    message = juliet.client.make_message(room)
    message.append(approval)
    message.send()

    await juliet.roster()  # answered after the message was handled
    members = await juliet.client.plugin["xep_0045"].get_affiliation_list(room, "member", timeout=PATIENCE)
    assert members == [romeo.jid]
    with pytest.raises(PresenceError) as refused:
        await enter(await slixmpp_user(meet, "tybalt"), room, "montague")
    assert refused.value.condition == "conflict"


async def test_profanity_in_a_room(meet: Meet) -> None:
    """§7.1, §7.4, §7.14: it enters a room, sees who is there and who comes and goes, and talks."""
    room = new_room()
    juliet, romeo = await slixmpp_user(meet, "juliet"), await meet("profanity", "romeo")
    assert isinstance(romeo, ProfanityUser)
    await enter(juliet, room, "Juliet")
    await configure(juliet, room)

    await romeo.enter(room, "Romeo")
    await romeo.sees_occupants("Juliet", "Romeo")
    await juliet.happens(kind="room presence", type="available", **{"from": f"{room}/Romeo"})

    await romeo.say("But soft! What light?")
    await juliet.happens(kind="room message", body="But soft! What light?", **{"from": f"{room}/Romeo"})
    juliet.client.send_message(mto=room, mbody="Who art thou?", mtype="groupchat")
    await romeo.hears("Juliet", "Who art thou?")

    juliet.client.plugin["xep_0045"].leave_muc(JID(room), "Juliet")
    await romeo.sees_occupants("Romeo")
