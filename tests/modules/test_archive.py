"""What is archived, under which id, and who can see it (XEP-0313, XEP-0359, XEP-0334)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from burble.storage.schema import archive_entries
from tests.client import condition
from tests.conftest import Connect, Serve
from tests.modules.archives import SID, refused, search, stanza_id
from tests.presences import appear

JULIET, ROMEO = "juliet@localhost", "romeo@localhost"


async def test_both_sides_have_a_message_under_the_id_that_its_recipient_is_told(connect: Connect) -> None:
    romeo, juliet = await connect("romeo/orchard"), await appear(await connect("juliet/balcony"))
    romeo.write(
        "<message to='juliet@localhost' type='chat' id='m1' xml:lang='it'>"
        "<body>ciao &amp; addio</body><x xmlns='urn:example:x'><y a='&quot;'/></x></message>"
    )
    message = await juliet.next()
    id = stanza_id(message, JULIET)
    assert id
    assert stanza_id(message, ROMEO) is None
    for client in (romeo, juliet):
        answer = await search(client)
        (result,) = answer.results
        assert result.id == id
        assert result.wrapper.get("from") == client.bare
        assert result.wrapper.get("to") == client.jid
        assert result.message.attrib == {
            "from": "romeo@localhost/orchard",
            "to": JULIET,
            "type": "chat",
            "id": "m1",
            "{http://www.w3.org/XML/1998/namespace}lang": "it",
        }
        assert result.body == "ciao & addio"
        assert result.message.find("{urn:example:x}x/{urn:example:x}y") is not None
        assert answer.complete
        assert (answer.page("first"), answer.page("last"), answer.page("count")) == (id, id, "1")


async def test_a_message_kept_offline_has_the_id_it_has_in_the_archive(connect: Connect) -> None:
    romeo = await connect("romeo")
    romeo.write("<message to='juliet@localhost'><body>Hi</body></message>")
    await romeo.sync()
    juliet = await connect("juliet")
    (result,) = (await search(juliet)).results
    await appear(juliet)
    assert stanza_id(await juliet.next(), JULIET) == result.id


async def test_without_offline_storage_an_archived_message_is_not_refused(
    serve: Serve, connect: Connect
) -> None:
    server = await serve(modules={"disable": ["offline"]})
    romeo = await connect("romeo", to=server)
    romeo.write("<message to='juliet@localhost'><body>Hi</body></message>")
    await romeo.nothing()
    romeo.write("<message to='juliet@localhost'><body>Hi</body><no-store xmlns='urn:xmpp:hints'/></message>")
    assert condition(await romeo.next()) == "service-unavailable"
    juliet = await connect("juliet", to=server)
    assert (await search(juliet)).bodies == ["Hi"]


async def test_a_message_to_oneself_is_there_once(connect: Connect) -> None:
    romeo, tablet = await connect("romeo/orchard"), await appear(await connect("romeo/tablet"))
    romeo.write("<message type='chat'><body>one</body></message>")
    romeo.write("<message type='chat' to='romeo@localhost/tablet'><body>two</body></message>")
    ids = [stanza_id(await tablet.next(), ROMEO) for _ in range(2)]
    answer = await search(romeo)
    assert answer.bodies == ["one", "two"]
    assert answer.ids == ids
    assert answer.results[0].message.get("to") == ROMEO


@pytest.mark.parametrize(
    "content",
    [
        "<body>b</body>",
        "<subject>s</subject>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
        "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
        "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><body/>",
        "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
        "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
        "<x xmlns='jabber:x:conference' jid='room@chat.example'/>",
        "<a xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>",
    ],
)
async def test_what_says_something_is_archived(connect: Connect, content: str) -> None:
    romeo, juliet = await connect("romeo"), await appear(await connect("juliet"))
    romeo.write(f"<message to='juliet@localhost'>{content}</message>")
    assert stanza_id(await juliet.next(), JULIET)
    assert len((await search(romeo)).results) == 1
    assert len((await search(juliet)).results) == 1


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        ("chat", "<a xmlns='urn:example'/>"),
        ("chat", "<body>b</body><no-store xmlns='urn:xmpp:hints'/>"),
        ("chat", "<body>b</body><no-permanent-store xmlns='urn:xmpp:hints'/>"),
        ("headline", "<body>b</body>"),
        ("groupchat", "<body>b</body><store xmlns='urn:xmpp:hints'/>"),
        ("error", "<body>b</body><store xmlns='urn:xmpp:hints'/>"),
    ],
)
async def test_what_is_not_archived(connect: Connect, type: str, content: str) -> None:
    romeo, juliet = await connect("romeo"), await appear(await connect("juliet/b"))
    romeo.write(f"<message to='juliet@localhost/b' type='{type}'>{content}</message>")
    assert (await juliet.next()).find(f"{SID}stanza-id") is None
    assert (await search(romeo)).results == []
    assert (await search(juliet)).results == []


async def test_a_headline_is_archived_where_it_asks_for_it(connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    romeo.write(
        "<message to='juliet@localhost' type='headline'><body>b</body>"
        "<store xmlns='urn:xmpp:hints'/></message>"
    )
    await romeo.sync()
    assert (await search(juliet)).bodies == ["b"]


async def test_what_is_refused_is_in_no_archive_of_who_refused(connect: Connect) -> None:
    """A resource that is gone, somebody who is blocked; and what was sent is in the sender's."""
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await juliet.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{romeo.bare}'/></block>")
    romeo.write("<message to='juliet@localhost'><body>blocked</body></message>")
    assert condition(await romeo.next()) == "service-unavailable"
    await juliet.ask("set", "<unblock xmlns='urn:xmpp:blocking'/>")
    romeo.write("<message to='juliet@localhost/gone' type='normal'><body>gone</body></message>")
    assert condition(await romeo.next()) == "service-unavailable"
    assert (await search(juliet)).results == []
    assert (await search(romeo)).bodies == ["blocked", "gone"]


async def test_there_is_no_archive_where_there_is_no_account(connect: Connect) -> None:
    romeo = await connect("romeo")
    romeo.write("<message to='nobody@localhost'><body>Hi</body></message>")
    assert condition(await romeo.next()) == "service-unavailable"
    server_archive = await refused(romeo, "<query xmlns='urn:xmpp:mam:2'/>", "localhost")
    assert server_archive == "service-unavailable"


async def test_forged_ids_are_taken_out(connect: Connect) -> None:
    """XEP-0359 §5: in the name of the recipient, whatever the message is; and of the sender."""
    romeo, juliet = await connect("romeo"), await appear(await connect("juliet/b"))
    forged = "".join(
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='7'/>" for by in ("JULIET@localhost", ROMEO, "x@y")
    )
    romeo.write(f"<message to='juliet@localhost/b' type='headline'>{forged}<body>one</body></message>")
    romeo.write(
        f"<message to='juliet@localhost'>{forged}<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
        "<body>two</body></message>"
    )
    headline, message = await juliet.next(), await juliet.next()
    assert [each.get("by") for each in headline.findall(f"{SID}stanza-id")] == [ROMEO, "x@y"]
    (result,) = (await search(juliet)).results
    assert {each.get("by"): each.get("id") for each in message.findall(f"{SID}stanza-id")} == {
        "x@y": "7",
        JULIET: result.id,
    }
    assert message.find(f"{SID}origin-id") is not None
    assert [each.get("by") for each in result.message.findall(f"{SID}stanza-id")] == ["x@y"]


async def test_an_archive_is_its_owners_alone(connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    romeo.write("<message to='juliet@localhost'><body>Hi</body></message>")
    await romeo.sync()
    prefs = "<prefs xmlns='urn:xmpp:mam:2' default='never'/>"
    for to in (JULIET, "nobody@localhost"):
        assert await refused(romeo, "<query xmlns='urn:xmpp:mam:2'/>", to) == "forbidden"
        assert await refused(romeo, "<query xmlns='urn:xmpp:mam:2'/>", to, "get") == "forbidden"
        assert await refused(romeo, "<metadata xmlns='urn:xmpp:mam:2'/>", to, "get") == "forbidden"
        assert await refused(romeo, prefs, to) == "forbidden"
    await romeo.nothing()
    assert (await search(juliet, to=JULIET)).bodies == ["Hi"]


async def test_nothing_is_archived_for_anonymous_users(serve: Serve, connect: Connect) -> None:
    server = await serve(auth={"mechanisms": ["PLAIN", "ANONYMOUS"]})
    juliet = await appear(await connect("juliet", to=server))
    guest = await connect(to=server)
    await guest.open()
    guest.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    await guest.next()
    await guest.open()
    await guest.bind()
    await appear(guest)
    guest.write("<message to='juliet@localhost'><body>Hi</body></message>")
    assert stanza_id(await juliet.next(), JULIET)
    juliet.write(f"<message to='{guest.jid}'><body>Who are you?</body></message>")
    assert (await guest.next()).find(f"{SID}stanza-id") is None
    assert await refused(guest, "<query xmlns='urn:xmpp:mam:2'/>") == "not-allowed"
    assert (await search(juliet)).bodies == ["Hi", "Who are you?"]
    rows = await server.database.fetch(select(archive_entries.c.user))
    assert {row.user for row in rows} == {"juliet"}


async def test_it_is_announced_where_the_archive_is(connect: Connect) -> None:
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", JULIET)
    features = {each.get("var") for each in info.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert {
        "urn:xmpp:mam:2",
        "urn:xmpp:mam:2#extended",
        "urn:xmpp:mam:2#groupchat-field",
        "urn:xmpp:sid:0",
        "urn:xmpp:message-retract:1",
        "urn:xmpp:message-retract:1#tombstone",
    } <= features
