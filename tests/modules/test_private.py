"""XEP-0049: XML that only its owner sees."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve

PREFS = "<exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus>"


def query(inner: str = "") -> str:
    return f"<query xmlns='jabber:iq:private'>{inner}</query>"


async def store(client: ScriptedClient, inner: str) -> ET.Element:
    return await client.ask("set", query(inner))


async def kept(client: ScriptedClient, inner: str) -> str:
    """What comes back for an element, without the declarations of ElementTree."""
    answer = await client.ask("get", query(inner))
    assert answer.get("type") == "result", ET.tostring(answer)
    return ET.tostring(answer[0][0], encoding="unicode", default_namespace=None)


async def test_what_was_stored_comes_back(connect: Connect) -> None:
    """§2.3: in another session as well, and the answer to the set is empty."""
    juliet = await connect("juliet")
    answer = await store(juliet, PREFS)
    assert answer.get("type") == "result"
    assert len(answer) == 0
    phone = await connect("juliet/phone")
    found = (await phone.ask("get", query("<exodus xmlns='exodus:prefs'/>"), "juliet@localhost"))[0]
    assert found.tag == "{jabber:iq:private}query"
    assert [child.tag for child in found] == ["{exodus:prefs}exodus"]
    assert found.findtext(".//{exodus:prefs}defaultnick") == "Hamlet"


async def test_what_was_never_stored_comes_back_empty(connect: Connect) -> None:
    juliet = await connect("juliet")
    assert "Hamlet" not in await kept(juliet, "<exodus xmlns='exodus:prefs'/>")


async def test_elements_are_told_apart_by_namespace_and_name(connect: Connect) -> None:
    """§2.3: a set may have several; each replaces the one stored before."""
    juliet = await connect("juliet")
    await store(juliet, "<a xmlns='one'>1</a><b xmlns='one'>2</b>")
    await store(juliet, "<a xmlns='two'>3</a>")
    await store(juliet, "<b xmlns='one'>4</b>")
    answer = await juliet.ask("get", query("<a xmlns='one'/><b xmlns='one'/>"))
    assert [child.text for child in answer[0]] == ["1", "4"]
    assert ">3<" in await kept(juliet, "<a xmlns='two'/>")


async def test_a_namespace_of_jabber_is_stored_like_any_other(connect: Connect) -> None:
    """§2.3: to refuse reserved namespaces is optional."""
    juliet = await connect("juliet")
    await store(juliet, "<vCard xmlns='vcard-temp'><FN>Hamlet</FN></vCard>")
    assert "Hamlet" in await kept(juliet, "<vCard xmlns='vcard-temp'/>")


@pytest.mark.parametrize("kind", ["get", "set"])
@pytest.mark.parametrize("whose", ["juliet@localhost", "nobody@localhost"])
async def test_another_s_xml_is_forbidden(connect: Connect, kind: str, whose: str) -> None:
    """§2.3 and §3; the same for an account that does not exist."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await store(juliet, PREFS)
    assert condition(await romeo.ask(kind, query("<exodus xmlns='exodus:prefs'/>"), whose)) == "forbidden"
    assert "Hamlet" in await kept(juliet, "<exodus xmlns='exodus:prefs'/>")


async def test_a_get_needs_elements_of_one_namespace(connect: Connect) -> None:
    """§2.3 and §3: "bad format" where there is no child; not more than one namespace."""
    juliet = await connect("juliet")
    for inner in ("", "<a xmlns='one'/><b xmlns='two'/>"):
        assert condition(await juliet.ask("get", query(inner))) == "bad-request"


@pytest.mark.parametrize("inner", ["", "<a/>", "<a xmlns='one'/><b/>"])
async def test_a_set_needs_elements_in_a_namespace_of_their_own(connect: Connect, inner: str) -> None:
    """§2.3: not-acceptable; and nothing of it is stored."""
    juliet = await connect("juliet")
    await store(juliet, "<a xmlns='one'>before</a>")
    assert condition(await store(juliet, inner)) == "not-acceptable"
    assert "before" in await kept(juliet, "<a xmlns='one'/>")


async def test_an_account_has_its_limit(serve: Serve, connect: Connect) -> None:
    """What would be too much is refused as a whole; what is there can still be replaced by less."""
    server = await serve(limits={"private_xml_bytes": 200})
    juliet = await connect("juliet", to=server)
    await store(juliet, f"<a xmlns='one'>{'x' * 150}</a>")
    assert (
        condition(await store(juliet, "<c xmlns='one'/><b xmlns='one'>" + "y" * 50 + "</b>"))
        == "policy-violation"
    )
    answer = await juliet.ask("get", query("<b xmlns='one'/><c xmlns='one'/>"))
    assert [child.text for child in answer[0]] == [None, None]
    assert (await store(juliet, f"<a xmlns='one'>{'z' * 160}</a>")).get("type") == "result"


async def test_nothing_is_kept_for_who_has_no_account(serve: Serve, connect: Connect) -> None:
    """XEP-0175 §3: there would never be anybody to remove it."""
    server = await serve(auth={"mechanisms": ["ANONYMOUS"]})
    guest = await connect(to=server)
    await guest.open()
    guest.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    await guest.next()
    await guest.open()
    await guest.bind()
    assert condition(await store(guest, PREFS)) == "not-allowed"
    answer = await guest.ask("set", "<vCard xmlns='vcard-temp'/>")
    assert answer.tag == f"{CLIENT}iq"
    assert condition(answer) == "not-allowed"
