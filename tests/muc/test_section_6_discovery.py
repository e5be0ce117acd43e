"""XEP-0045 §6: what anybody may find out about the service and its rooms.

Examples 3 to 17 are 1 to 15 of the older text that many client authors know; what only that shows is in the
tests, too.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.client import CLIENT
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    DISCO_INFO,
    DISCO_ITEMS,
    INFO,
    ITEMS,
    MUC,
    SERVICE,
    Actor,
    Stage,
    codes,
    fields,
    refusal,
)

RSM = "{http://jabber.org/protocol/rsm}"

PLAYS = [
    "alls-well-that-ends-well",
    "as-you-like-it",
    "cleopatra",
    "comedy-of-errors",
    "coriolanus",
    "cymbeline",
    "hamlet",
    "henry-the-eighth",
    "henry-the-fifth",
    "henry-the-fourth-one",
    "henry-the-fourth-two",
    "king-john",
    "king-lear",
]


def identity(answer: ET.Element) -> dict[str, str]:
    """The one identity of a disco#info result."""
    assert answer.get("type") == "result", ET.tostring(answer)
    [found] = answer.iterfind(f"{INFO}query/{INFO}identity")
    return dict(found.attrib)


def features(answer: ET.Element) -> set[str]:
    """The features of a disco#info result."""
    return {feature.get("var", "") for feature in answer.iterfind(f"{INFO}query/{INFO}feature")}


def listed(answer: ET.Element) -> list[tuple[str | None, str | None]]:
    """The items of a disco#items result: JID and name."""
    assert answer.get("type") == "result", ET.tostring(answer)
    return [(item.get("jid"), item.get("name")) for item in answer.iterfind(f"{ITEMS}query/{ITEMS}item")]


async def test_the_service_is_found_and_says_what_it_is(stage: Stage) -> None:
    """§6.1, §6.2: Examples 1 to 4."""
    hag66 = await stage.actor("hag66/pda")
    services = dict(listed(await hag66.ask("get", DISCO_ITEMS, "localhost")))
    assert services[SERVICE], "the service has a name"

    answer = await hag66.ask("get", DISCO_INFO, SERVICE)
    assert answer.get("from") == SERVICE
    assert identity(answer) == {"category": "conference", "type": "text", "name": services[SERVICE]}
    assert {MUC, f"{MUC}#stable_id"} <= features(answer)
    assert "gc-1.0" not in features(answer)


async def test_the_public_rooms_are_listed(stage: Stage) -> None:
    """§6.3: Examples 5 and 6; a hidden room is not in the list."""
    rooms = {
        "heath": "A Lonely Heath",
        "coven": "A Dark Cave",
        "forres": "The Palace",
        "inverness": "Macbeth's Castle",
    }
    bard = await stage.host("bard/globe", "TheBard", f"attic@{SERVICE}", roomname="The Attic", publicroom="0")
    for local, name in rooms.items():
        room = f"{local}@{SERVICE}"
        await bard.enter("TheBard", room)
        await bard.configure(room, roomname=name, publicroom="1")

    hag66 = await stage.actor("hag66/pda")
    answer = await hag66.ask("get", DISCO_ITEMS, SERVICE)
    assert answer.get("from") == SERVICE
    found = listed(answer)
    # a name may be followed by the number of occupants; here nothing but the name is shown
    assert sorted(found) == sorted((f"{local}@{SERVICE}", name) for local, name in rooms.items())


async def _plays(stage: Stage) -> list[str]:
    bard = await stage.actor("bard/globe")
    for play in PLAYS:
        await bard.enter("TheBard", f"{play}@{SERVICE}")
        await bard.configure(f"{play}@{SERVICE}", publicroom="1")
    return [f"{play}@{SERVICE}" for play in PLAYS]


def _page(answer: ET.Element) -> tuple[list[str | None], str | None, str | None, str | None, str | None]:
    """The JIDs of a page, and what is said of it: the first one's index and name, the last one, the count."""
    first = answer.find(f".//{RSM}first")
    index, name = (first.get("index"), first.text) if first is not None else (None, None)
    last, count = answer.findtext(f".//{RSM}last"), answer.findtext(f".//{RSM}count")
    return [jid for jid, _ in listed(answer)], index, name, last, count


async def test_a_long_list_of_rooms_comes_in_pages(stages: Stages) -> None:
    """§6.3: Example 7, where the service limits the list by itself and where a client pages (XEP-0059)."""
    stage = await stages(max_rooms_discoitems=10)
    plays = await _plays(stage)
    hag66 = await stage.actor("hag66/pda")

    limited = _page(await hag66.ask("get", DISCO_ITEMS, SERVICE))
    assert limited == (plays[:10], "0", plays[0], plays[9], str(len(plays)))

    def paged(content: str) -> str:
        return (
            "<query xmlns='http://jabber.org/protocol/disco#items'>"
            f"<set xmlns='http://jabber.org/protocol/rsm'>{content}</set></query>"
        )

    first = _page(await hag66.ask("get", paged("<max>8</max>"), SERVICE))
    assert first == (plays[:8], "0", plays[0], plays[7], str(len(plays)))
    rest = _page(await hag66.ask("get", paged(f"<max>8</max><after>{first[3]}</after>"), SERVICE))
    assert rest == (plays[8:], "8", plays[8], plays[-1], str(len(plays)))


async def _dark_cave(stage: Stage) -> Actor:
    crone1, _, _ = await stage.coven(
        roomname="A Dark Cave",
        roomdesc="The place for all good witches!",
        passwordprotectedroom="1",
        roomsecret="cauldronburn",
        publicroom="0",
        persistentroom="0",
        membersonly="0",
        moderatedroom="0",
        whois="anyone",
        changesubject="1",
        lang="en",
        enablelogging="1",
        contactjid="crone1@localhost",
        ldapgroup="cn=witches,dc=shakespeare,dc=lit",
        maxhistoryfetch="50",
        pubsub="xmpp:pubsub.localhost?;node=the-coven-node",
    )
    return crone1


async def test_a_room_says_what_it_is(stage: Stage) -> None:
    """§6.4: Examples 8 and 9, and the opposite of each feature."""
    crone1 = await _dark_cave(stage)
    macbeth = await stage.actor("macbeth/castle")
    answer = await macbeth.ask("get", DISCO_INFO, COVEN)
    assert answer.get("from") == COVEN
    assert identity(answer) == {"category": "conference", "type": "text", "name": "A Dark Cave"}
    assert {MUC, f"{MUC}#stable_id"} <= features(answer)
    assert "gc-1.0" not in features(answer)
    assert {name for name in features(answer) if name.startswith("muc_")} == {
        "muc_passwordprotected",
        "muc_hidden",
        "muc_temporary",
        "muc_open",
        "muc_unmoderated",
        "muc_nonanonymous",
    }
    done = await crone1.configure(
        passwordprotectedroom="0",
        roomsecret="",
        publicroom="1",
        persistentroom="1",
        membersonly="1",
        moderatedroom="1",
        whois="moderators",
    )
    assert done.get("type") == "result"
    answer = await macbeth.ask("get", DISCO_INFO, COVEN)
    assert {name for name in features(answer) if name.startswith("muc_")} == {
        "muc_unsecured",
        "muc_public",
        "muc_persistent",
        "muc_membersonly",
        "muc_moderated",
        "muc_semianonymous",
    }


async def test_a_room_tells_more_of_itself(stages: Stages, tmp_path: Path) -> None:
    """§6.4: Example 10, with ``muc#roominfo_changesubject`` and ``muc#roominfo_pubsub`` of the older text."""
    stage = await stages(log_dir=str(tmp_path / "logs"), log_url="https://www.localhost/chatlogs/")
    crone1 = await _dark_cave(stage)
    await crone1.tell("<subject>Spells</subject>")
    macbeth = await stage.actor("macbeth/castle")
    info = fields(await macbeth.ask("get", DISCO_INFO, COVEN))
    assert info["FORM_TYPE"] == [f"{MUC}#roominfo"]
    expected = {
        "muc#roominfo_description": "The place for all good witches!",
        "muc#roominfo_changesubject": "1",
        "muc#roominfo_contactjid": "crone1@localhost",
        "muc#roominfo_subject": "Spells",
        "muc#roomconfig_changesubject": "1",
        "muc#roominfo_occupants": "3",
        "muc#roominfo_ldapgroup": "cn=witches,dc=shakespeare,dc=lit",
        "muc#roominfo_lang": "en",
        "muc#roominfo_logs": "https://www.localhost/chatlogs/coven/",
        "muc#roominfo_pubsub": "xmpp:pubsub.localhost?;node=the-coven-node",
        "muc#roomconfig_pubsub": "xmpp:pubsub.localhost?;node=the-coven-node",
        "muc#maxhistoryfetch": "50",
    }
    assert {name: info.get(name) for name in expected} == {name: [value] for name, value in expected.items()}


async def test_occupants_are_listed_where_they_are_public(stage: Stage) -> None:
    """§6.5: Examples 11 to 13."""
    crone1, _, _ = await stage.coven(publicroom="1")
    macbeth = await stage.actor("macbeth/castle")
    answer = await macbeth.ask("get", DISCO_ITEMS, COVEN)
    assert answer.get("from") == COVEN
    witches = [f"{COVEN}/{nick}" for nick in ("firstwitch", "secondwitch", "thirdwitch")]
    assert sorted(jid or "" for jid, _ in listed(answer)) == witches
    for found in answer.iter(f"{ITEMS}item"):
        assert set(found.attrib) <= {"jid", "name"}

    await crone1.configure(publicroom="0")
    answer = await macbeth.ask("get", DISCO_ITEMS, COVEN)
    assert listed(answer) == []


@pytest.mark.parametrize("query", [DISCO_INFO, DISCO_ITEMS])
async def test_only_an_occupant_may_ask_an_occupant(stage: Stage, query: str) -> None:
    """§6.6: a stranger's request is a bad one; an occupant's reaches the other's client."""
    _, wiccarocks, hag66 = await stage.coven()
    macbeth = await stage.actor("macbeth/castle")
    answer = await macbeth.ask("get", query, f"{COVEN}/secondwitch")
    assert (refusal(answer), answer.get("from")) == ("modify bad-request", f"{COVEN}/secondwitch")
    await wiccarocks.nothing()

    hag66.write(f"<iq type='get' id='who' to='{COVEN}/secondwitch'>{query}</iq>")
    await hag66.heard()
    [request] = await wiccarocks.heard()
    assert (request.get("from"), request.get("to")) == (f"{COVEN}/thirdwitch", wiccarocks.jid)
    wiccarocks.write(f"<iq type='result' id='{request.get('id')}' to='{request.get('from')}'>{query}</iq>")
    await wiccarocks.heard()
    [result] = await hag66.heard()
    assert (result.get("from"), result.get("id"), result.get("type")) == (
        f"{COVEN}/secondwitch",
        "who",
        "result",
    )
    assert "wiccarocks" not in ET.tostring(result, "unicode").replace(hag66.jid, "")


async def test_a_contacts_client_answers_for_itself(stage: Stage) -> None:
    """§6.7: Examples 14 to 17: the server passes both requests on, and their answers back."""
    hag66 = await stage.actor("hag66/pda")
    wiccarocks = await stage.actor("wiccarocks/laptop")
    rooms = "node='http://jabber.org/protocol/muc#rooms'"
    exchanges = {
        DISCO_INFO: "<query xmlns='http://jabber.org/protocol/disco#info'>"
        f"<identity category='client' type='pc'/><feature var='{MUC}'/></query>",
        f"<query xmlns='http://jabber.org/protocol/disco#items' {rooms}/>": (
            f"<query xmlns='http://jabber.org/protocol/disco#items' {rooms}><item jid='{COVEN}' "
            f"name='secondwitch'/><item jid='characters@{SERVICE}'/></query>"
        ),
    }
    for number, (query, reply) in enumerate(exchanges.items()):
        hag66.write(f"<iq type='get' id='ask{number}' to='{wiccarocks.jid}'>{query}</iq>")
        request = await wiccarocks.next()
        assert (request.get("from"), request.get("id")) == (hag66.jid, f"ask{number}")
        assert ET.tostring(request[0]) == ET.tostring(_parsed(query))
        wiccarocks.write(f"<iq type='result' id='ask{number}' to='{hag66.jid}'>{reply}</iq>")
        answer = await hag66.next()
        assert (answer.tag, answer.get("from")) == (f"{CLIENT}iq", wiccarocks.jid)
        assert ET.tostring(answer[0]) == ET.tostring(_parsed(reply))
        assert codes(answer) == set()


def _parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)
