"""Occupants from other servers (XEP-0045): they are like all others, but can be out of reach."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, condition
from tests.elsewhere import Elsewhere
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    DISCO_INFO,
    INFO,
    INSTANT,
    MUC,
    SERVICE,
    USER,
    Actor,
    Stage,
    body,
    codes,
    item,
    refusal,
    seen,
    subject,
)

HAG = "hag66@shakespeare.example/pda"
MACBETH = "macbeth@shakespeare.example/castle"
BANQUO = "banquo@forres.example/park"
GONE = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    """Where the guests live."""
    return Elsewhere(stage.server)


async def enter(elsewhere: Elsewhere, who: str, nick: str, room: str = COVEN) -> list[ET.Element]:
    """Ask to enter from elsewhere; returns what it brought."""
    await elsewhere.says(
        f"<presence id='enter' from='{who}' to='{room}/{nick}'><x xmlns='{MUC}'/></presence>"
    )
    return elsewhere.heard()


async def say(elsewhere: Elsewhere, who: str, text: str, to: str = COVEN, kind: str = "groupchat") -> None:
    """Say something from elsewhere."""
    await elsewhere.says(
        f"<message type='{kind}' id='m1' from='{who}' to='{to}'><body>{text}</body></message>"
    )


async def fails(
    elsewhere: Elsewhere, who: str, reason: str, type_: str = "cancel", kind: str = "message"
) -> None:
    """Have an error come back for what the room sent to somebody."""
    error = f"<error type='{type_}'><{reason} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await elsewhere.says(f"<{kind} type='error' from='{who}' to='{COVEN}/firstwitch'>{error}</{kind}>")


async def party(stage: Stage, elsewhere: Elsewhere, **config: str) -> Actor:
    """A room of a local owner and two guests from elsewhere, of which nothing stays to be heard."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", **config)
    await enter(elsewhere, HAG, "thirdwitch")
    await enter(elsewhere, BANQUO, "banquo")
    await crone1.heard()
    elsewhere.heard()
    return crone1


# ---- being there


async def test_entering(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.1, §7.2: the others, oneself, the history, the subject, each to the full JID that entered."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.say("Harpier cries")
    got = await enter(elsewhere, HAG, "thirdwitch")
    assert {each.get("to") for each in got} == {HAG}
    first, own, said, last = got
    assert seen(first) == "firstwitch owner/moderator"
    assert (seen(own), own.get("id")) == ("thirdwitch none/participant", "enter")
    assert 110 in codes(own)
    assert body(said) == "Harpier cries"
    assert subject(last) is not None
    (told,) = await crone1.heard()
    assert item(told).get("jid") == HAG


async def test_talking(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.4, §7.5: to all, and to one."""
    crone1 = await party(stage, elsewhere)
    await say(elsewhere, HAG, "'tis time")
    (told,) = await crone1.heard()
    assert (told.get("from"), body(told)) == (f"{COVEN}/thirdwitch", "'tis time")
    assert [(each.get("to"), body(each)) for each in elsewhere.heard()] == [
        (HAG, "'tis time"),
        (BANQUO, "'tis time"),
    ]
    await say(elsewhere, HAG, "psst", f"{COVEN}/firstwitch", "chat")
    (told,) = await crone1.heard()
    assert (told.get("from"), body(told)) == (f"{COVEN}/thirdwitch", "psst")
    await crone1.tell("<body>what?</body>", f"{COVEN}/thirdwitch", "chat")
    (told,) = elsewhere.heard()
    assert (told.get("from"), told.get("to"), body(told)) == (f"{COVEN}/firstwitch", HAG, "what?")


async def test_a_nick_that_is_taken(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.2.8: conflict, also for who has it as the localpart elsewhere; another client of the same may."""
    await party(stage, elsewhere)
    (error,) = await enter(elsewhere, MACBETH, "thirdwitch")
    assert refusal(error) == "cancel conflict"
    got = await enter(elsewhere, "hag66@shakespeare.example/phone", "thirdwitch")
    assert 110 in codes(got[-2] if got[-1].tag == f"{CLIENT}message" else got[-1])


async def test_changing_and_leaving(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.6, §7.7, §7.14."""
    crone1 = await party(stage, elsewhere)
    await elsewhere.says(f"<presence from='{HAG}' to='{COVEN}/oldhag'/>")
    assert [seen(each) for each in await crone1.heard()] == [
        "gone thirdwitch none/participant",
        "oldhag none/participant",
    ]
    await elsewhere.says(f"<presence from='{HAG}' to='{COVEN}/oldhag'><show>xa</show></presence>")
    (told,) = await crone1.heard()
    assert told.findtext(f"{CLIENT}show") == "xa"
    elsewhere.heard()
    await elsewhere.says(f"<presence type='unavailable' from='{HAG}' to='{COVEN}/oldhag'/>")
    assert [seen(each) for each in await crone1.heard()] == ["gone oldhag none/none"]
    assert {each.get("to") for each in elsewhere.heard()} == {HAG, BANQUO}


async def test_requests_between_occupants(stage: Stage, elsewhere: Elsewhere) -> None:
    """§17.4: a request goes to the client that entered, one for the vCard to its account; answers go back."""
    crone1 = await party(stage, elsewhere)
    crone1.write(f"<iq type='get' id='v1' to='{COVEN}/thirdwitch'><query xmlns='jabber:iq:version'/></iq>")
    crone1.write(f"<iq type='get' id='v2' to='{COVEN}/thirdwitch'><vCard xmlns='vcard-temp'/></iq>")
    await crone1.sync()
    version, card = elsewhere.heard()
    assert (version.get("from"), version.get("to")) == (f"{COVEN}/firstwitch", HAG)
    assert card.get("to") == HAG.partition("/")[0]
    for request in (version, card):
        by, to = request.get("to"), request.get("from")
        await elsewhere.says(f"<iq type='result' id='{request.get('id')}' from='{by}' to='{to}'/>")
    assert {each.get("id") for each in await crone1.heard()} == {"v1", "v2"}


async def test_discovering_from_elsewhere(stage: Stage, elsewhere: Elsewhere) -> None:
    """§6.2, §6.3: the service and its rooms say what they are to anybody."""
    await party(stage, elsewhere)
    for to in (SERVICE, COVEN):
        answer = await elsewhere.ask("get", DISCO_INFO, to, HAG)
        identity = answer.find(f".//{INFO}identity")
        assert identity is not None
        assert identity.get("category") == "conference"
    answer = await elsewhere.ask("get", "<ping xmlns='urn:xmpp:ping'/>", f"{COVEN}/thirdwitch", HAG)
    assert answer.get("type") == "result"  # XEP-0410
    answer = await elsewhere.ask("get", "<ping xmlns='urn:xmpp:ping'/>", f"{COVEN}/thirdwitch", MACBETH)
    assert refusal(answer) == "cancel not-acceptable"


async def test_an_invitation(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.8.2: it goes out, and the invitee's answer comes back."""
    crone1 = await party(stage, elsewhere)
    await crone1.tell(f"<x xmlns='{USER[1:-1]}'><invite to='{MACBETH}'/></x>", kind="")
    (invitation,) = elsewhere.heard()
    assert (invitation.get("from"), invitation.get("to")) == (COVEN, MACBETH)
    await elsewhere.says(
        f"<message from='{MACBETH}' to='{COVEN}'><x xmlns='{USER[1:-1]}'>"
        "<decline to='crone1@localhost'/></x></message>"
    )
    (declined,) = await crone1.heard()
    assert declined.find(f"{USER}x/{USER}decline") is not None


# ---- who may what


async def test_who_may_make_rooms(stages: Stages) -> None:
    """§10.1.1: by default accounts of this server; where anybody may, strangers own what they make."""
    stage = await stages()
    elsewhere = Elsewhere(stage.server)
    (error,) = await enter(elsewhere, HAG, "thirdwitch")
    assert refusal(error) == "cancel not-allowed"
    stage = await stages(create="anyone", max_rooms=1)
    elsewhere = Elsewhere(stage.server)
    own, _ = await enter(elsewhere, HAG, "thirdwitch")
    assert codes(own) >= {110, 201}
    assert seen(own) == "thirdwitch owner/moderator"
    answer = await elsewhere.ask("set", f"<query xmlns='{MUC}#owner'>{INSTANT}</query>", COVEN, HAG)
    assert answer.get("type") == "result"
    (error,) = await enter(elsewhere, HAG, "thirdwitch", f"heath@{SERVICE}")
    assert refusal(error) == "cancel not-allowed"


async def test_a_domain_is_banned(stage: Stage, elsewhere: Elsewhere) -> None:
    """§9.1, §9.2: all of it leaves, and nobody of it comes in again; the code says why."""
    crone1 = await party(stage, elsewhere)
    await crone1.administer("<item affiliation='outcast' jid='shakespeare.example'/>")
    told = {each.get("to"): codes(each) for each in elsewhere.heard()}
    assert told[HAG] == {110, 301}
    assert 301 in told[BANQUO]
    for who in (HAG, MACBETH):
        (error,) = await enter(elsewhere, who, "thirdwitch")
        assert refusal(error) == "auth forbidden"


# ---- being out of reach


UNREACHABLE = [
    ("remote-server-not-found", "cancel"),
    ("remote-server-timeout", "wait"),
    ("service-unavailable", "cancel"),
    ("recipient-unavailable", "wait"),
    ("gone", "cancel"),
    ("item-not-found", "cancel"),
]


@pytest.mark.parametrize("kind", ["message", "presence"])
@pytest.mark.parametrize(("reason", "type_"), UNREACHABLE)
async def test_who_cannot_be_reached_leaves(
    stage: Stage, elsewhere: Elsewhere, kind: str, reason: str, type_: str
) -> None:
    """§12 (333): the others are told that something failed, and so is the client, should it be there."""
    crone1 = await party(stage, elsewhere)
    await fails(elsewhere, HAG, reason, type_, kind)
    (told,) = await crone1.heard()
    assert (seen(told), codes(told)) == ("gone thirdwitch none/none", {333})
    assert {each.get("to"): codes(each) for each in elsewhere.heard()} == {HAG: {110, 333}, BANQUO: {333}}
    await fails(elsewhere, HAG, reason, type_, kind)  # for what it was told of that
    assert await crone1.heard() == []
    assert elsewhere.heard() == []


@pytest.mark.parametrize(
    ("reason", "type_"),
    [("resource-constraint", "wait"), ("policy-violation", "modify"), ("not-acceptable", "cancel")],
)
async def test_who_does_not_like_what_it_got_stays(
    stage: Stage, elsewhere: Elsewhere, reason: str, type_: str
) -> None:
    """Such an error tells that somebody is there."""
    crone1 = await party(stage, elsewhere)
    await fails(elsewhere, HAG, reason, type_)
    assert await crone1.heard() == []
    assert elsewhere.heard() == []


async def test_nobody_puts_another_out(stage: Stage, elsewhere: Elsewhere) -> None:
    """An error says something of its sender alone: not of its account's other clients, nor of namesakes."""
    crone1 = await party(stage, elsewhere)
    for other in ("hag66@shakespeare.example/phone", "hag66@shakespeare.example", "hag66@forres.example/pda"):
        await fails(elsewhere, other, "gone")
    assert await crone1.heard() == []


async def test_a_domain_goes(stage: Stage, elsewhere: Elsewhere) -> None:
    """All its occupants leave at the first thing they can't be told, each told of once; there is no end of
    it otherwise, as what tells that they leave does not arrive either."""
    crone1 = await party(stage, elsewhere)
    await enter(elsewhere, MACBETH, "macbeth")
    await crone1.heard()
    elsewhere.heard()
    elsewhere.unreachable = {"shakespeare.example": "remote-server-not-found"}
    told = await crone1.say("Where are you?")
    assert body(told[0]) == "Where are you?"
    assert sorted(map(seen, told[1:])) == ["gone macbeth none/none", "gone thirdwitch none/none"]
    assert [codes(each) for each in told[1:]] == [{333}, {333}]
    assert len(elsewhere.heard()) == 3  # for the one who is still there
    elsewhere.refused.clear()
    await crone1.say("Gone?")
    assert elsewhere.refused == []


async def test_a_domain_with_many_occupants_goes(stage: Stage, elsewhere: Elsewhere) -> None:
    """None of them is sent that the others are gone: that would be the square of their number."""
    crone1 = await party(stage, elsewhere)
    number = 50
    for guest in range(number):
        await enter(elsewhere, f"guest{guest}@shakespeare.example/inn", f"guest{guest}")
    await crone1.heard()
    elsewhere.unreachable = {"shakespeare.example": "remote-server-not-found"}
    told = await crone1.say("Where are you?")
    assert len([each for each in told if codes(each) == {333}]) == number + 1
    # What was said, and that it is out itself.
    assert len(elsewhere.refused) == 2 * (number + 1)


async def test_clients_of_one_occupant_that_cannot_be_reached(stage: Stage, elsewhere: Elsewhere) -> None:
    """Whoever has another client in the room stays, and is seen as that one is."""
    crone1 = await party(stage, elsewhere)
    phone = "hag66@shakespeare.example/phone"
    await enter(elsewhere, phone, "thirdwitch")
    await elsewhere.says(f"<presence from='{phone}' to='{COVEN}/thirdwitch'><show>away</show></presence>")
    await crone1.heard()
    elsewhere.heard()
    await fails(elsewhere, phone, "remote-server-timeout", "wait")
    (told,) = await crone1.heard()
    assert seen(told) == "thirdwitch none/participant"
    assert told.findtext(f"{CLIENT}show") is None
    assert {each.get("to"): each.get("type") for each in elsewhere.heard()} == {
        phone: "unavailable",
        HAG: None,
        BANQUO: None,
    }
    await fails(elsewhere, HAG, "remote-server-timeout", "wait")
    (told,) = await crone1.heard()
    assert seen(told) == "gone thirdwitch none/none"


async def test_a_newcomer_that_cannot_be_answered(stage: Stage, elsewhere: Elsewhere) -> None:
    """Who is heard and can't be told anything is out again at once."""
    crone1 = await party(stage, elsewhere)
    elsewhere.unreachable = {"shakespeare.example": "remote-server-timeout"}
    await elsewhere.says(f"<presence from='{MACBETH}' to='{COVEN}/macbeth'><x xmlns='{MUC}'/></presence>")
    shown = [seen(each) for each in await crone1.heard()]
    assert [each for each in shown if "macbeth" in each] == [
        "macbeth none/participant",
        "gone macbeth none/none",
    ]


async def test_a_private_message_that_does_not_arrive(stage: Stage, elsewhere: Elsewhere) -> None:
    """§7.5: its sender is told, in the name of whom it was for; it says nothing to the room."""
    crone1 = await party(stage, elsewhere)
    elsewhere.unreachable = {"shakespeare.example": "remote-server-timeout"}
    (error,) = await crone1.tell("<body>psst</body>", f"{COVEN}/thirdwitch", "chat", "p1")
    assert (error.get("from"), error.get("id")) == (f"{COVEN}/thirdwitch", "p1")
    assert condition(error) == "remote-server-timeout"


async def test_a_request_that_does_not_arrive(stage: Stage, elsewhere: Elsewhere) -> None:
    """§17.4: who asks an occupant learns that there is no answer."""
    crone1 = await party(stage, elsewhere)
    elsewhere.unreachable = {"shakespeare.example": "remote-server-timeout"}
    answer = await crone1.ask("get", "<query xmlns='jabber:iq:version'/>", f"{COVEN}/thirdwitch")
    assert condition(answer) == "remote-server-timeout"


async def test_an_occupant_comes_back(stage: Stage, elsewhere: Elsewhere) -> None:
    """A client that the room took for gone learns so by what it is answered, and may enter again."""
    crone1 = await party(stage, elsewhere)
    await fails(elsewhere, HAG, "remote-server-timeout", "wait")
    await crone1.heard()
    elsewhere.heard()
    await say(elsewhere, HAG, "'tis time")
    assert refusal(await elsewhere.next()) == "cancel not-acceptable"
    await elsewhere.says(f"<presence from='{HAG}' to='{COVEN}/thirdwitch'><show>away</show></presence>")
    told = await elsewhere.next()
    assert (told.get("type"), codes(told)) == ("unavailable", {110, 307, 333})
    assert any(110 in codes(each) for each in await enter(elsewhere, HAG, "thirdwitch"))


async def test_the_service_goes(stage: Stage, elsewhere: Elsewhere) -> None:
    """§11.2 (332): occupants elsewhere are told while they still can be."""
    await party(stage, elsewhere)
    await stage.server.stop()
    told = {each.get("to"): each for each in elsewhere.heard() if each.get("type") == "unavailable"}
    assert {who: codes(each) for who, each in told.items()} == {HAG: {110, 332}, BANQUO: {110, 332}}


# ---- users here in rooms elsewhere


async def test_a_user_here_in_a_room_elsewhere(stage: Stage, elsewhere: Elsewhere) -> None:
    """RFC 6121 §4.6.3: the room hears of the client what it says, and that it is gone when its stream is."""
    crone1 = await stage.actor("crone1/desktop", present=True)
    room = "heath@rooms.example/firstwitch"
    crone1.write(f"<presence to='{room}'><x xmlns='{MUC}'/></presence>")
    joined = await elsewhere.next()
    assert (joined.get("from"), joined.get("to")) == (crone1.jid, room)
    await elsewhere.says(
        f"<message type='groupchat' from='{room}' to='{crone1.jid}'><body>All hail</body></message>"
    )
    assert body(await crone1.next()) == "All hail"
    await crone1.close()
    gone = await elsewhere.next()
    assert (gone.get("from"), gone.get("type"), gone.get("to")) == (crone1.jid, "unavailable", room)
    await elsewhere.says(
        f"<message type='groupchat' from='{room}' to='{crone1.jid}'><body>Who?</body></message>"
    )
    answer = await elsewhere.next()
    assert (answer.get("to"), refusal(answer)) == (room, "cancel service-unavailable")
