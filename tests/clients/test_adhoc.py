"""Ad-hoc commands and service administration, as slixmpp's plug-ins for XEP-0050 and XEP-0133 call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from slixmpp import ClientXMPP, Iq
from slixmpp.exceptions import IqError

from tests.clients.server import running
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PASSWORD, PATIENCE

pytestmark = pytest.mark.clients

Session = dict[str, Any]


@pytest.fixture
async def bard(tmp_path: Path) -> AsyncIterator[SlixmppUser]:
    """The administrator of a server of its own."""
    with running(tmp_path) as server:
        bard = SlixmppUser("bard", server)
        await bard.register()
        await bard.log_in()
        for plugin in ("xep_0050", "xep_0133"):
            bard.client.register_plugin(plugin)
        yield bard
        await bard.close()


async def step(take: Callable[[Session], None], session: Session | None = None) -> tuple[Any, Session]:
    """Let slixmpp take a step of a command; returns the answer's ``<command/>`` and its session."""
    answered: asyncio.Future[tuple[Any, Session]] = asyncio.get_running_loop().create_future()
    session = {} if session is None else session
    session["next"] = lambda iq, session: answered.set_result((iq["command"], session))
    session["error"] = lambda iq, session: answered.set_exception(IqError(iq))
    take(session)
    async with asyncio.timeout(PATIENCE):
        return await answered


async def fill_in(client: ClientXMPP, session: Session, **values: str | list[str]) -> Any:
    """Submit the form of a command's last step; keywords are fields, ``_`` for ``-``."""
    form = client.plugin["xep_0004"].make_form("submit")
    for var, value in values.items():
        form.add_field(var=var.replace("password_verify", "password-verify"), value=value)
    session["payload"] = form
    return (await step(client.plugin["xep_0050"].complete_command, session))[0]


async def administrate(client: ClientXMPP, name: str, **values: str | list[str]) -> Any:
    """Call a command of XEP-0133; returns what is answered in the end."""
    call = getattr(client.plugin["xep_0133"], name)
    command, session = await step(lambda session: call("localhost", session))
    if command["status"] == "executing":
        command = await fill_in(client, session, **values)
    assert command["status"] == "completed"
    return command


async def test_finding_and_calling_commands(bard: SlixmppUser) -> None:
    """XEP-0050 §2.2, §2.4: with a form, without one, canceled, and refused."""
    plugin = bard.client.plugin["xep_0050"]
    found: Iq = await plugin.get_commands("localhost", timeout=PATIENCE)
    nodes = {node for _, node, _ in found["disco_items"]["items"]}
    assert {"api-commands/registered_users", "http://jabber.org/protocol/admin#add-user"} <= nodes

    def start(name: str) -> Callable[[Session], None]:
        return lambda session: plugin.start_command("localhost", f"api-commands/{name}", session)

    command, session = await step(start("registered_users"))
    assert command["form"].get_fields()["host"]["value"] == "localhost"
    command = await fill_in(bard.client, session, host="localhost")
    assert command["form"].get_values() == {"users": ["bard"]}
    command, _ = await step(start("connected_users_number"))
    assert command["form"].get_values() == {"num_sessions": "1"}

    command, session = await step(start("registered_users"))
    command, session = await step(plugin.cancel_command, session)
    assert command["status"] == "canceled"
    with pytest.raises(IqError) as refused:
        await fill_in(bard.client, session, host="localhost")
    assert refused.value.condition == "not-allowed"


async def test_the_life_of_an_account(bard: SlixmppUser) -> None:
    """XEP-0133 §4.1 to §4.10."""
    client, server = bard.client, bard.server
    jid = "juliet@localhost"
    await administrate(client, "add_user", accountjid=jid, password=PASSWORD, password_verify=PASSWORD)
    with pytest.raises(IqError) as refused:
        await administrate(client, "add_user", accountjid=jid, password="x", password_verify="x")
    assert refused.value.condition == "conflict"

    juliet = SlixmppUser("juliet", server)
    await juliet.log_in()
    await juliet.add("romeo@localhost", "Romeo")
    command = await administrate(client, "get_user_roster", accountjids=[jid])
    items = list(command.xml.iter("{jabber:iq:roster}item"))
    assert [item.get("jid") for item in items] == ["romeo@localhost"]
    command = await administrate(client, "user_stats", accountjid=jid)
    assert command["form"].get_values()["rostersize"] == "1"
    assert (await administrate(client, "get_online_users_num"))["form"].get_values()["onlineusersnum"] == "2"

    await administrate(client, "disable_user", accountjids=[jid])
    with pytest.raises(ConnectionError):
        await juliet.happens(kind="nothing")  # but the end
    with pytest.raises(ConnectionError):
        await SlixmppUser("juliet", server).log_in()
    command = await administrate(client, "get_disabled_users_list", max_items="none")
    assert command["form"].get_values()["disableduserjids"] == [jid]
    await administrate(client, "reenable_user", accountjids=[jid])
    await juliet.log_in()
    await juliet.close()
    await administrate(client, "delete_user", accountjids=[jid])
    with pytest.raises(IqError) as refused:
        await administrate(client, "delete_user", accountjids=[jid])
    assert refused.value.condition == "item-not-found"


async def test_the_message_of_the_day_and_the_end_of_it(bard: SlixmppUser) -> None:
    """XEP-0133 §4.24, §4.30: those online are told, and the server is back after a restart."""
    client, server = bard.client, bard.server
    await administrate(client, "set_motd", motd="The Globe is open again.")
    assert (await bard.receive("localhost")).body == "The Globe is open again."
    server.is_to_begin_anew()
    await administrate(client, "restart", announcement="Back soon.")
    assert (await bard.receive("localhost")).body == "Back soon."
    await asyncio.to_thread(server.begins_anew)
    again = SlixmppUser("bard", server)
    await again.log_in()
    again.client.register_plugin("xep_0133")
    command = (await step(lambda session: again.client.plugin["xep_0133"].edit_motd("localhost", session)))[0]
    assert command["form"].get_fields()["motd"]["value"] == ["The Globe is open again."]
    await again.close()
