"""XEP-0045 §7.8 and §7.9: inviting others, and going on with a one-to-one chat in a room."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT
from tests.muc.stage import COVEN, DELAY, SERVICE, USER, Stage, body, codes, refusal, seen, subject, user

THREAD = "e0ffe42b28561960c6b12b944a092794b9683a38"
REASON = "Hey Hecate, this is the place for all good witches!"
INVITE = (
    "<x xmlns='http://jabber.org/protocol/muc#user'>"
    f"<invite to='hecate@localhost'><reason>{REASON}</reason></invite></x>"
)


def invitation(message: ET.Element) -> ET.Element:
    """The invitation that a message from the room carries."""
    assert message.tag == f"{CLIENT}message", ET.tostring(message)
    assert message.get("type", "normal") == "normal"
    found = user(message).find(f"{USER}invite")
    assert found is not None, ET.tostring(message)
    return found


def inviter(invite: ET.Element) -> str:
    """Who invites: the bare JID, the full JID or the occupant's address (§7.8.2)."""
    return invite.get("from", "")


async def test_a_direct_invitation_passes_untouched(stage: Stage) -> None:
    """§7.8.1: XEP-0249: from client to client, without the room."""
    crone1, _, _ = await stage.coven()
    hecate = await stage.actor("hecate/broom", present=True)
    direct = f"<x xmlns='jabber:x:conference' jid='{COVEN}' password='cauldronburn' reason='{REASON}'/>"
    crone1.write(f"<message to='hecate@localhost'>{direct}</message>")
    await crone1.sync()
    message = await hecate.next()
    assert message.get("from") == crone1.jid
    assert ET.tostring(message[0]) == ET.tostring(ET.fromstring(direct))


async def test_a_mediated_invitation(stage: Stage) -> None:
    """§7.8.2: Examples 56 and 57: from the room, with who invites, why, and the password."""
    crone1, wiccarocks, _ = await stage.coven(passwordprotectedroom="1", roomsecret="cauldronburn")
    hecate = await stage.actor("hecate/broom", present=True)
    assert await crone1.tell(INVITE, COVEN, "", id_="nzd143v8") == []
    message = await hecate.next()
    assert (message.get("from"), message.get("to", "").partition("/")[0]) == (COVEN, "hecate@localhost")
    invite = invitation(message)
    assert inviter(invite) in ("crone1@localhost", crone1.jid, f"{COVEN}/firstwitch")
    assert invite.get("to") is None
    assert (invite.findtext(f"{USER}reason") or "").strip() == REASON
    assert user(message).findtext(f"{USER}password") == "cauldronburn"
    await wiccarocks.nothing()
    got = await hecate.enter("fourthwitch", inside="<password>cauldronburn</password>")
    assert seen(got[-2]) == "fourthwitch none/participant"


async def test_an_invitation_waits_for_who_is_away(stage: Stage) -> None:
    """§7.8.2: it is sent to the bare JID, and so it is stored as any message would be."""
    crone1, _, _ = await stage.coven()
    await stage.actor("hecate/cave")  # registers the account, but never becomes available
    assert await crone1.tell(INVITE, COVEN, "") == []
    hecate = await stage.actor("hecate/broom", present=True)
    message = await hecate.find(lambda e: e.tag == f"{CLIENT}message")
    assert inviter(invitation(message)) != ""


async def test_an_invitation_without_addressee(stage: Stage) -> None:
    """§7.8.2: nobody hears of one to what is no JID, nor of a stranger's."""
    crone1, wiccarocks, _ = await stage.coven()
    [error] = await crone1.tell(INVITE.replace("hecate@localhost", "hecate@@localhost"), COVEN, "")
    assert refusal(error).split()[1] in ("jid-malformed", "bad-request", "item-not-found")
    hecate = await stage.actor("hecate/broom", present=True)
    macbeth = await stage.actor("macbeth/castle")
    [error] = await macbeth.tell(INVITE, COVEN, "")
    assert refusal(error).split()[1] in ("forbidden", "not-acceptable")
    [error] = await macbeth.tell(INVITE, f"heath@{SERVICE}", "")
    assert refusal(error) == "cancel item-not-found"
    await hecate.nothing()
    await wiccarocks.nothing()


async def test_declining(stage: Stage) -> None:
    """§7.8.2: Examples 58 and 59: the room tells the inviter, as whom the invitation named."""
    crone1, wiccarocks, _ = await stage.coven()
    hecate = await stage.actor("hecate/broom", present=True)
    await crone1.tell(INVITE, COVEN, "")
    by = inviter(invitation(await hecate.next()))
    decline = (
        f"<x xmlns='http://jabber.org/protocol/muc#user'><decline to='{by}'>"
        "<reason>Sorry, I'm too busy right now.</reason></decline></x>"
    )
    assert await hecate.tell(decline, COVEN, "", id_="jk2vs61v") == []
    [message] = await crone1.heard()
    assert message.get("from") == COVEN
    declined = user(message).find(f"{USER}decline")
    assert declined is not None
    assert declined.get("from", "").partition("/")[0] == "hecate@localhost"
    assert declined.get("to") is None
    assert declined.findtext(f"{USER}reason") == "Sorry, I'm too busy right now."
    await wiccarocks.nothing()


async def test_members_may_be_allowed_to_invite(stage: Stage) -> None:
    """§7.8.2: into a members-only room it makes the invitee a member, into an open one it does not.

    The refusal where only admins may is Example 135 (§9.5).
    """
    crone1, _, hag66 = await stage.coven(membersonly="1", allowinvites="1")
    hecate = await stage.actor("hecate/broom", present=True)
    assert await hag66.tell(INVITE, COVEN, "") == []
    assert inviter(invitation(await hecate.next())) != crone1.jid
    members = await crone1.roll("affiliation='member'")
    assert {member["jid"] for member in members} == {"hag66@localhost", "hecate@localhost"}

    await crone1.configure(membersonly="0", allowinvites="1")
    await hag66.heard()
    await stage.actor("macbeth/castle", present=True)
    assert await hag66.tell(INVITE.replace("hecate@", "macbeth@"), COVEN, "") == []
    members = await crone1.roll("affiliation='member'")
    assert {member["jid"] for member in members} == {"hag66@localhost", "hecate@localhost"}


def _line(text: str, stamp: str = "", from_: str = "") -> str:
    delay = f"<delay xmlns='urn:xmpp:delay' from='{from_}' stamp='{stamp}'/>" if stamp else ""
    return f"<thread>{THREAD}</thread><body>{text}</body>{delay}"


async def test_a_chat_goes_on_in_a_room(stage: Stage) -> None:
    """§7.9: Examples 60 to 65: its history is sent to the room, and both others are invited to go on."""
    crone1 = await stage.actor("crone1/desktop", present=True)
    wiccarocks = await stage.actor("wiccarocks/laptop", present=True)
    hag66 = await stage.actor("hag66/pda", present=True)
    first, second = "Thrice the brinded cat hath mew'd.", "Thrice and once the hedge-pig whined."
    crone1.write(f"<message to='{wiccarocks.jid}' type='chat'>{_line(first)}</message>")
    assert body(await wiccarocks.next()) == first
    wiccarocks.write(f"<message to='{crone1.jid}' type='chat'>{_line(second)}</message>")
    assert body(await crone1.next()) == second

    own, *_ = await crone1.enter("firstwitch")
    assert (seen(own), codes(own) >= {110, 201}) == ("firstwitch owner/moderator", True)
    await crone1.configure(whois="anyone")
    await crone1.heard()
    for text, stamp in ((first, "2004-09-29T01:54:37Z"), (second, "2004-09-29T01:55:21Z")):
        [said] = await crone1.tell(_line(text, stamp, crone1.jid))
        assert (body(said), said.findtext(f"{CLIENT}thread")) == (text, THREAD)
        [delay] = said.iterfind(f"{DELAY}delay")
        assert (delay.get("stamp"), delay.get("from")) == (stamp, crone1.jid)

    reason = "This coven needs both wiccarocks and hag66."
    both = "".join(
        f"<invite to='{jid}'><reason>{reason}</reason><continue thread='{THREAD}'/></invite>"
        for jid in (wiccarocks.jid, "hag66@localhost")
    )
    invitations = f"<x xmlns='http://jabber.org/protocol/muc#user'>{both}</x>"
    assert await crone1.tell(invitations, COVEN, "", id_="gl3s85n7") == []
    for invitee in (wiccarocks, hag66):
        invite = invitation(await invitee.next())
        assert invite.findtext(f"{USER}reason") == reason
        carry = invite.find(f"{USER}continue")
        assert carry is not None
        assert carry.get("thread") == THREAD
        await invitee.nothing()

    owner, own, *said, last = await wiccarocks.enter("secondwitch")
    assert [seen(owner), seen(own)] == ["firstwitch owner/moderator", "secondwitch none/participant"]
    assert subject(last) == ""
    assert [(body(message), message.findtext(f"{CLIENT}thread")) for message in said] == [
        (first, THREAD),
        (second, THREAD),
    ]
    for message, stamp in zip(said, ("2004-09-29T01:54:37Z", "2004-09-29T01:55:21Z"), strict=True):
        # the room should not add a delay of its own to the owner's
        assert [delay.get("stamp") for delay in message.iterfind(f"{DELAY}delay")] == [stamp]
