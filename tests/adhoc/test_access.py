"""Lists of administrators, and of whom a host talks to, that are edited while it runs (XEP-0133)."""

from __future__ import annotations

import pytest

from burble.commands import CommandFailed
from burble.jid import JID
from burble.routing.router import Router
from burble.server import Server
from burble.stanza import Message
from tests.adhoc.commands import order
from tests.client import ScriptedClient, condition
from tests.conftest import Connect, Serve


async def edit(server: Server, name: str, *jids: str) -> None:
    """Replace a list."""
    await order(server, "set_access_list", name=name, jids=list(jids))


async def test_administrators_are_added_and_taken_away(server: Server) -> None:
    host = server.hosts["localhost"]
    juliet = JID.parse("juliet@localhost/balcony")
    assert not host.is_admin(juliet)
    await edit(server, "admins", "juliet@localhost", "Nurse@LOCALHOST")
    assert host.is_admin(juliet)
    assert await order(server, "get_access_list", name="admins") == ["juliet@localhost", "nurse@localhost"]
    await edit(server, "admins", "nurse@localhost")
    assert not host.is_admin(juliet)


async def test_those_of_the_settings_stay(serve: Serve) -> None:
    server = await serve(admins=["bard@localhost"])
    await edit(server, "admins")
    assert server.hosts["localhost"].is_admin(JID.parse("bard@localhost"))


@pytest.mark.parametrize("jid", ["localhost", "juliet@localhost/balcony"])
async def test_an_administrator_is_an_account(server: Server, jid: str) -> None:
    with pytest.raises(CommandFailed, match="an administrator is an account"):
        await edit(server, "admins", "nurse@localhost", jid)
    assert await order(server, "get_access_list", name="admins") == []


async def test_the_lists_outlive_the_server(serve: Serve, server: Server, connect: Connect) -> None:
    await edit(server, "admins", "nurse@localhost")
    await edit(server, "blacklist", "denmark.lit")
    await server.stop()
    after = await serve()
    assert after.hosts["localhost"].is_admin(JID.parse("nurse@localhost"))
    assert await refusal(await connect("juliet", to=after), "hamlet@denmark.lit") == "policy-violation"


# ---- blacklist and whitelist


async def refusal(client: ScriptedClient, to: str) -> str:
    """What a message to somebody is answered with."""
    client.write(f"<message to='{to}' type='chat'><body>hi</body></message>")
    return condition(await client.next())


async def test_nothing_goes_to_who_is_on_the_blacklist(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    assert await refusal(juliet, "hamlet@denmark.lit") == "remote-server-not-found"
    await edit(server, "blacklist", "denmark.lit", "iago@venice.lit")
    assert await refusal(juliet, "hamlet@denmark.lit") == "policy-violation"
    assert await refusal(juliet, "denmark.lit") == "policy-violation"
    assert await refusal(juliet, "iago@venice.lit/inn") == "policy-violation"
    assert await refusal(juliet, "othello@venice.lit") == "remote-server-not-found"
    answer = await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", "denmark.lit")
    assert condition(answer) == "policy-violation"
    await edit(server, "blacklist")
    assert await refusal(juliet, "hamlet@denmark.lit") == "remote-server-not-found"


async def test_with_a_whitelist_the_others_are_refused(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    romeo.write("<presence/>")
    await romeo.next()
    await edit(server, "whitelist", "england.lit")
    assert await refusal(juliet, "hal@england.lit") == "remote-server-not-found"
    assert await refusal(juliet, "hamlet@denmark.lit") == "policy-violation"
    juliet.write("<message to='romeo@localhost' type='chat'><body>hi</body></message>")
    assert (await romeo.next()).get("from") == juliet.jid


async def test_the_narrowest_entry_counts(server: Server, connect: Connect) -> None:
    """§4.11: in the order of XEP-0016."""
    juliet = await connect("juliet")
    await edit(server, "blacklist", "denmark.lit", "horatio@denmark.lit/ship", "denmark.lit/stage")
    await edit(server, "whitelist", "horatio@denmark.lit")
    assert await refusal(juliet, "horatio@denmark.lit") == "remote-server-not-found"
    assert await refusal(juliet, "horatio@denmark.lit/castle") == "remote-server-not-found"
    assert await refusal(juliet, "horatio@denmark.lit/ship") == "policy-violation"
    assert await refusal(juliet, "hamlet@denmark.lit") == "policy-violation"
    await edit(server, "blacklist", "denmark.lit/stage")
    await edit(server, "whitelist", "denmark.lit")
    assert await refusal(juliet, "hamlet@denmark.lit/stage") == "policy-violation"
    assert await refusal(juliet, "hamlet@denmark.lit/hall") == "remote-server-not-found"


async def test_nothing_comes_from_who_is_on_the_blacklist(server: Server, connect: Connect) -> None:
    """Nor for the host's services; another host of the same server is none of the others."""
    sent: list[str] = []
    router = Router(lambda stanza: sent.append(f"{stanza.to} {stanza.type}"))
    got: list[str] = []
    for domain in ("localhost", "conference.localhost", "other.lit"):
        router.register(domain, lambda stanza: got.append(f"{stanza.from_} to {stanza.to}"))
    router.guard("localhost", lambda peer: peer.domain not in ("denmark.lit", "other.lit"))

    def arrive(sender: str, to: str, type: str = "chat") -> None:
        router.route(Message(JID.parse(to), JID.parse(sender), {"type": type}))

    arrive("hamlet@denmark.lit", "juliet@localhost")
    arrive("hamlet@denmark.lit", "cave@conference.localhost")
    arrive("hamlet@denmark.lit", "juliet@localhost", "error")
    assert got == []
    assert sent == ["hamlet@denmark.lit error", "hamlet@denmark.lit error"]
    arrive("hamlet@denmark.lit", "bard@other.lit")
    arrive("bard@other.lit", "juliet@localhost")
    assert got == ["hamlet@denmark.lit to bard@other.lit", "bard@other.lit to juliet@localhost"]


async def test_unloading_lifts_all_of_it(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await edit(server, "admins", "juliet@localhost")
    await edit(server, "blacklist", "denmark.lit")
    await server.hosts["localhost"].modules["access"].unload()
    assert not server.hosts["localhost"].is_admin(JID.parse("juliet@localhost"))
    assert await refusal(juliet, "hamlet@denmark.lit") == "remote-server-not-found"
