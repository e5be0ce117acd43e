"""slixmpp reads archives: its own, and that of a room (XEP-0313, XEP-0441)."""

from __future__ import annotations

import pytest
import slixmpp
from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0004 import Form

from tests.clients.conftest import Meet
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PATIENCE

pytestmark = pytest.mark.clients

ROOM = "coven@conference.localhost"


def archivist(user: SlixmppUser) -> slixmpp.ClientXMPP:
    """slixmpp itself, with what it takes to read archives."""
    client: slixmpp.ClientXMPP = user.client
    for plugin in ("xep_0313", "xep_0441"):
        client.register_plugin(plugin)
    return client


def body(result: slixmpp.Message) -> str:
    return str(result["mam_result"]["forwarded"]["stanza"]["body"])


async def bodies(client: slixmpp.ClientXMPP, **query: object) -> list[str]:
    return [body(each) async for each in client.plugin["xep_0313"].iterate(**query)]


async def test_a_new_device_reads_all_there_is_page_by_page(meet: Meet) -> None:
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    said = [f"line {number}" for number in range(25)]
    for line in said[:-1]:
        juliet.client.send_message(mto=romeo.jid, mbody=line, mtype="chat")
    await juliet.send(romeo.jid, said[-1])
    nurse = await meet("slixmpp", "nurse")
    await nurse.send(romeo.jid, "Sir?")
    client = archivist(romeo)
    assert await bodies(client, rsm={"max": 10}) == [*said, "Sir?"]
    assert await bodies(client, with_jid=JID(juliet.jid), rsm={"max": 10}) == said
    newest = await bodies(client, with_jid=JID(juliet.jid), reverse=True, rsm={"max": 10}, total=3)
    assert newest == ["line 24", "line 23", "line 22"]
    mam = client.plugin["xep_0313"]
    metadata = await mam.get_archive_metadata(timeout=PATIENCE)
    answer = await mam.retrieve(iterator=False, rsm={"max": 1}, timeout=PATIENCE)
    assert metadata["mam_metadata"]["start"]["id"] == answer["mam_fin"]["rsm"]["first"]


async def test_the_fields_of_the_form(meet: Meet) -> None:
    juliet = await meet("slixmpp", "juliet")
    client = archivist(juliet)
    form: Form = await client.plugin["xep_0313"].get_fields(timeout=PATIENCE)
    assert {"with", "start", "end", "before-id", "after-id", "ids", "{urn:xmpp:fulltext:0}fulltext"} <= set(
        form.get_fields()
    )


async def test_preferences(meet: Meet) -> None:
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    preferences = archivist(juliet).plugin["xep_0441"]
    default, always, never = await preferences.get_preferences(timeout=PATIENCE)
    assert (default, [*always], [*never]) == ("always", [], [])
    await preferences.set_preferences("never", [JID(romeo.jid)], [], timeout=PATIENCE)
    default, always, never = await preferences.get_preferences(timeout=PATIENCE)
    assert (default, [*always], [*never]) == ("never", [JID(romeo.jid)], [])


async def test_what_was_said_in_a_room(meet: Meet) -> None:
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    muc = juliet.client.plugin["xep_0045"]
    await muc.join_muc_wait(JID(ROOM), "J", timeout=PATIENCE)
    form = await muc.get_room_config(JID(ROOM), timeout=PATIENCE)
    form["values"] = {**form.get_values(), "muc#roomconfig_persistentroom": True}
    form["type"] = "submit"
    await muc.set_room_config(JID(ROOM), form, timeout=PATIENCE)
    for line in ("one", "two"):
        juliet.client.send_message(mto=JID(ROOM), mbody=line, mtype="groupchat")
    await juliet.roster()
    assert await bodies(archivist(romeo), jid=JID(ROOM)) == ["one", "two"]
    with pytest.raises(IqError):  # an archive is its owner's alone
        await romeo.client.plugin["xep_0313"].retrieve(JID(juliet.jid), iterator=False, timeout=PATIENCE)
