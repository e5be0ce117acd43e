"""XEP-0133: service administration, with the forms of its examples."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, cast

import pytest

from burble.faces.adhoc.administration import NODES
from burble.server import Server
from burble.timestamps import parse_stamp
from tests.adhoc.calls import (
    DATA,
    Values,
    call,
    complete,
    done,
    fields,
    info,
    listed,
    notes,
    refusal,
    send,
    text,
)
from tests.adhoc.commands import order
from tests.client import CLIENT, STREAM_ERRORS, ScriptedClient, condition
from tests.conftest import Connect, Serve

ADMIN = "http://jabber.org/protocol/admin"
ROSTER = "{jabber:iq:roster}"
EXAMPLES = {
    form.get("node", ""): form for form in ET.parse(Path(__file__).with_name("forms_0133.xml")).getroot()
}
SERVER_WIDE = ("restart", "shutdown")


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server that bard administers; nurse, juliet and romeo are its users."""
    server = await serve(admins=["bard@localhost"])
    for user in ("bard", "juliet", "romeo", "nurse"):
        await server.hosts["localhost"].register(user, "secret")
    return server


@pytest.fixture
async def bard(connect: Connect) -> ScriptedClient:
    return await connect("bard/globe")


def node(name: str) -> str:
    return f"{ADMIN}#{name}"


async def do(client: ScriptedClient, name: str, values: Values | None = None) -> ET.Element:
    """A command that must work; returns the ``<command/>``."""
    return await done(client, node(name), values)


async def fail(client: ScriptedClient, name: str, values: Values) -> tuple[str, str, str]:
    """A command that must not work: the conditions of the error, and its text."""
    answer = await complete(client, node(name), values)
    return (*refusal(answer), text(answer))


# ---- who, and what there is (§3, §7)


async def test_administrators_see_all_of_it(bard: ScriptedClient) -> None:
    shown = await listed(bard)
    names = {each.removeprefix(f"{ADMIN}#"): name for each, name in shown.items() if each.startswith(ADMIN)}
    assert len(names) == 30
    assert names == {name: title for name, (title, _) in NODES.items() if name != "get-user-password"}


@pytest.mark.parametrize("name", NODES)
async def test_nobody_else_may_do_anything(server: Server, connect: Connect, name: str) -> None:
    """§7: the answer names the rule."""
    juliet = await connect("juliet")
    assert refusal(await info(juliet, node(name))) == ("forbidden", "")
    answer = await send(juliet, node(name))
    assert refusal(answer) == ("forbidden", "")
    assert "the key admins" in text(answer)
    assert not any(each.startswith(ADMIN) for each in await listed(juliet))


async def test_an_administrator_of_one_host_is_none_of_another(serve: Serve, connect: Connect) -> None:
    server = await serve(
        hosts=["localhost", "verona.lit"],
        admins=["bard@localhost"],
        host={"verona.lit": {"admins": ["nurse@localhost"]}},
    )
    bard, nurse = await connect("bard", to=server), await connect("nurse", to=server)
    nurse.domain = "verona.lit"
    assert fields(await do(nurse, "get-registered-users-num"))["registeredusersnum"] == ["0"]
    for name in SERVER_WIDE:
        answer = await send(nurse, node(name))
        assert refusal(answer) == ("forbidden", "")
        assert "administrators of the whole server" in text(answer)
    nurse.domain = "localhost"
    assert refusal(await send(nurse, node("add-user"))) == ("forbidden", "")
    bard.domain = "verona.lit"
    assert refusal(await send(bard, node("add-user"))) == ("forbidden", "")


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_form_is_that_of_the_example(bard: ScriptedClient, name: str) -> None:
    shown = (await call(bard, node(name))).find(f"{DATA}x")
    assert shown is not None
    assert _described(shown) == _described(EXAMPLES[name])
    (form_type,) = [each for each in shown.findall(f"{DATA}field") if each.get("var") == "FORM_TYPE"]
    assert (form_type.get("type"), form_type.findtext(f"{DATA}value")) == ("hidden", ADMIN)


def _described(form: ET.Element) -> dict[str, Any]:
    found = [each for each in form.findall(f"{DATA}field") if each.get("var") != "FORM_TYPE"]
    return {
        "type": form.get("type"),
        "title": form.findtext(f"{DATA}title"),
        "instructions": form.findtext(f"{DATA}instructions"),
        "fields": [
            (
                field.get("var"),
                # The examples leave it out of two lists; the registry of §9.2 has it.
                field.get("type", "jid-multi"),
                field.get("label"),
                field.find(f"{DATA}required") is not None,
                [(each.get("label"), each.findtext(f"{DATA}value")) for each in field.iter(f"{DATA}option")],
            )
            for field in found
        ],
    }


# ---- accounts (§4.1 to §4.10)

NEW = {"accountjid": "tybalt@localhost", "password": "s3cr3t", "password-verify": "s3cr3t"}


async def test_adding_a_user(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.1."""
    more = {"email": "tybalt@capulet.example", "given_name": "Tybalt", "surname": "Capulet"}
    assert len(await do(bard, "add-user", {**NEW, **more})) == 0
    assert await server.hosts["localhost"].authenticator.check_password("tybalt", "s3cr3t")
    card = await bard.ask("get", "<vCard xmlns='vcard-temp'/>", "tybalt@localhost")
    assert card.findtext(".//{vcard-temp}N/{vcard-temp}GIVEN") == "Tybalt"
    assert card.findtext(".//{vcard-temp}N/{vcard-temp}FAMILY") == "Capulet"
    assert card.findtext(".//{vcard-temp}EMAIL/{vcard-temp}USERID") == "tybalt@capulet.example"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accountjid": ""}, "a value is required"),
        ({"accountjid": "@"}, "accountjid"),
        ({"accountjid": "localhost"}, "expected an account of localhost"),
        ({"accountjid": "tybalt@elsewhere.lit"}, "expected an account of localhost"),
        ({"accountjid": "tybalt@localhost/inn"}, "expected an account of localhost"),
        ({"password-verify": "other"}, "the two passwords differ"),
        ({"password": ""}, "without a password"),
        ({"password": "\x85", "password-verify": "\x85"}, "password: "),
    ],
)
async def test_a_user_that_can_t_be_added_so(
    server: Server, bard: ScriptedClient, changes: dict[str, str], said: str
) -> None:
    """The form can be sent again."""
    begun = await call(bard, node("add-user"))
    condition_, specific, why = await fail(bard, "add-user", {**NEW, **changes})
    assert (condition_, specific) == ("bad-request", "bad-payload")
    assert said in why
    await call(bard, node("add-user"), "complete", begun.get("sessionid"), NEW)
    assert await server.hosts["localhost"].authenticator.exists("tybalt")


async def test_a_user_that_is_there_already(bard: ScriptedClient) -> None:
    """§5."""
    found = await fail(bard, "add-user", {**NEW, "accountjid": "juliet@localhost"})
    assert found[:2] == ("conflict", "")


async def test_deleting_users(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.2."""
    juliet = await connect("juliet")
    await do(bard, "delete-user", {"accountjids": ["juliet@localhost", "nurse@localhost"]})
    await juliet.closed()
    assert await order(server, "registered_users") == ["bard", "romeo"]


async def test_of_several_the_rest_is_done(server: Server, bard: ScriptedClient) -> None:
    command = await do(bard, "delete-user", {"accountjids": ["nobody@localhost", "juliet@localhost"]})
    assert notes(command) == [("error", "nobody@localhost: there is no account nobody@localhost")]
    assert not await server.hosts["localhost"].authenticator.exists("juliet")


@pytest.mark.parametrize(
    "name",
    [
        "delete-user",
        "disable-user",
        "reenable-user",
        "end-user-session",
        "get-user-roster",
        "get-user-lastlogin",
    ],
)
async def test_accounts_that_are_not_of_this_host(bard: ScriptedClient, name: str) -> None:
    for jid, wanted in (
        ("nobody@localhost", ("item-not-found", "")),
        ("juliet@elsewhere.lit", ("bad-request", "bad-payload")),
        ("localhost", ("bad-request", "bad-payload")),
        ("not a jid@", ("bad-request", "bad-payload")),
    ):
        assert (await fail(bard, name, {"accountjids": jid}))[:2] == wanted
    assert (await fail(bard, name, {}))[:2] == ("bad-request", "bad-payload")


async def test_disabling_and_reenabling(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.3, §4.4, §4.14, §4.19."""
    juliet = await connect("juliet")
    await do(bard, "disable-user", {"accountjids": "juliet@localhost"})
    (error,) = await juliet.closed()
    assert condition(error) == "not-authorized"
    assert fields(await do(bard, "get-disabled-users-num"))["disabledusersnum"] == ["1"]
    shown = fields(await do(bard, "get-disabled-users-list", {}))
    assert shown["disableduserjids"] == ["juliet@localhost"]
    client = await connect()
    await client.open()
    assert (await client.authenticate("juliet", "secret"))[0].tag.endswith("}account-disabled")
    await do(bard, "reenable-user", {"accountjids": "juliet@localhost"})
    await connect("juliet")
    found = await fail(bard, "reenable-user", {"accountjids": "juliet@localhost"})
    assert found == ("not-acceptable", "", "juliet@localhost is not banned")


async def test_ending_sessions(bard: ScriptedClient, connect: Connect) -> None:
    """§4.5: one by its full JID, all by the bare one."""
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await do(bard, "end-user-session", {"accountjids": "juliet@localhost/balcony"})
    (error,) = await balcony.closed()
    assert error.find(f"{STREAM_ERRORS}policy-violation") is not None
    await chamber.nothing()
    garden = await connect("juliet/garden")
    await do(bard, "end-user-session", {"accountjids": "juliet@localhost"})
    for client in (chamber, garden):
        await client.closed()
    found = await fail(bard, "end-user-session", {"accountjids": "juliet@localhost/balcony"})
    assert found[0] == "item-not-found"


async def test_nobody_can_read_a_password(bard: ScriptedClient) -> None:
    """§4.6."""
    answer = await send(bard, node("get-user-password"))
    assert refusal(answer) == ("not-allowed", "")
    assert "passwords are not kept" in text(answer)


async def test_changing_a_password(server: Server, bard: ScriptedClient) -> None:
    """§4.7."""
    values = {"accountjid": "juliet@localhost", "password": "V3r0n4"}
    await do(bard, "change-user-password", values)
    authenticator = server.hosts["localhost"].authenticator
    assert await authenticator.check_password("juliet", "V3r0n4")
    assert not await authenticator.check_password("juliet", "secret")
    found = await fail(bard, "change-user-password", {**values, "accountjid": "nobody@localhost"})
    assert found[0] == "item-not-found"


async def test_a_roster(bard: ScriptedClient, connect: Connect) -> None:
    """§4.8."""
    juliet = await connect("juliet")
    item = "<item jid='romeo@localhost' name='Romeo'><group>Lovers</group><group>Montagues</group></item>"
    await juliet.ask("set", f"<query xmlns='jabber:iq:roster'>{item}</query>")
    command = await do(bard, "get-user-roster", {"accountjids": ["juliet@localhost", "nurse@localhost"]})
    assert fields(command)["accountjids"] == ["juliet@localhost", "nurse@localhost"]
    mine, nurses = command.findall(f"{DATA}x/{ROSTER}query")
    (found,) = mine
    assert found.attrib == {"jid": "romeo@localhost", "name": "Romeo", "subscription": "none"}
    assert [group.text for group in found] == ["Lovers", "Montagues"]
    assert len(nurses) == 0


async def test_the_last_login(bard: ScriptedClient, connect: Connect) -> None:
    """§4.9: that of who is offline is not kept, but the logout."""
    command = await do(bard, "get-user-lastlogin", {"accountjids": "juliet@localhost"})
    assert notes(command) == [("info", "juliet@localhost has never been connected")]
    juliet = await connect("juliet")
    command = await do(bard, "get-user-lastlogin", {"accountjids": "juliet@localhost"})
    (stamp,) = fields(command)["lastlogin"]
    assert abs(parse_stamp(stamp).timestamp() - time.time()) < 60
    assert notes(command) == []
    juliet.write("</stream:stream>")
    await juliet.closed()
    command = await do(bard, "get-user-lastlogin", {"accountjids": "juliet@localhost"})
    assert notes(command) == [
        ("info", "juliet@localhost is offline: the time is that of its last logout"),
    ]


async def test_statistics(bard: ScriptedClient, connect: Connect) -> None:
    """§4.10."""
    await connect("juliet/work"), await connect("juliet/home")
    command = await do(bard, "user-stats", {"accountjid": "juliet@localhost"})
    assert fields(command) == {
        "FORM_TYPE": [ADMIN],
        "ipaddresses": ["127.0.0.1"],
        "rostersize": ["0"],
        "onlineresources": ["home", "work"],
    }


# ---- lists (§4.11 to §4.22, §4.29)


@pytest.mark.parametrize("colour", ["black", "white"])
async def test_editing_whom_the_host_talks_to(server: Server, bard: ScriptedClient, colour: str) -> None:
    """§4.11, §4.12."""
    name, var = f"edit-{colour}list", f"{colour}listjids"
    await do(bard, name, {var: ["marlowe.lit", "denmark.lit"]})
    assert fields(await call(bard, node(name)))[var] == ["denmark.lit", "marlowe.lit"]
    bard.write("<message to='kit@marlowe.lit'><body>hi</body></message>")
    wanted = "policy-violation" if colour == "black" else "remote-server-not-found"
    assert condition(await bard.next()) == wanted
    assert (await fail(bard, name, {var: "not a jid@"}))[:2] == ("bad-request", "bad-payload")
    await do(bard, name, {var: []})
    assert fields(await call(bard, node(name)))[var] == []


async def test_numbers_and_lists_of_users(bard: ScriptedClient, connect: Connect) -> None:
    """§4.13 to §4.22."""
    juliet, _ = await connect("juliet"), await connect("romeo")
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    wanted = {
        "registered": ["bard", "juliet", "nurse", "romeo"],
        "online": ["bard", "juliet", "romeo"],
        "active": ["bard", "romeo"],
        "idle": ["juliet"],
        "disabled": [],
    }
    for which, users in wanted.items():
        shown = fields(await do(bard, f"get-{which}-users-num"))
        assert shown[f"{which}usersnum"] == [str(len(users))]
        name = f"get-{which}-users" if which in ("active", "idle") else f"get-{which}-users-list"
        # The specification calls the field of idle users so, too.
        var = "activeuserjids" if which == "idle" else f"{which}userjids"
        for limit in ({}, {"max_items": "25"}, {"max_items": "none"}):
            found = fields(await do(bard, name, cast(Values, limit)))
            assert found == {"FORM_TYPE": [ADMIN], var: [f"{user}@localhost" for user in users]}
    assert (await fail(bard, "get-online-users-list", {"max_items": "7"}))[1] == "bad-payload"


async def test_lists_are_cut_where_that_is_asked_for(server: Server, bard: ScriptedClient) -> None:
    host = server.hosts["localhost"]
    for number in range(25):
        await host.authenticator.register(f"user{number}", "secret")
    shown = fields(await do(bard, "get-registered-users-list", {"max_items": "25"}))
    assert len(shown["registereduserjids"]) == 25


async def test_editing_the_administrators(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.29: it holds at once; those of the settings file stay."""
    juliet = await connect("juliet")
    await do(bard, "edit-admin", {"adminjids": ["bard@localhost", "juliet@localhost"]})
    shown = fields(await call(juliet, node("edit-admin")))
    assert shown["adminjids"] == ["bard@localhost", "juliet@localhost"]
    assert refusal(await send(juliet, node("restart"))) == ("forbidden", "")
    found = await fail(juliet, "edit-admin", {"adminjids": "juliet@localhost"})
    assert found[:2] == ("bad-request", "bad-payload")
    assert "bard@localhost can only be taken out of the key admins" in found[2]
    found = await fail(juliet, "edit-admin", {"adminjids": ["bard@localhost", "localhost"]})
    assert "an administrator is an account" in found[2]
    await do(juliet, "edit-admin", {"adminjids": ["bard@localhost"]})
    assert refusal(await send(juliet, node("edit-admin"))) == ("forbidden", "")


# ---- announcements (§4.23 to §4.28)


async def body(client: ScriptedClient) -> str | None:
    """The text of the next message."""
    found = await client.find(lambda e: e.tag == f"{CLIENT}message")
    return found.findtext(f"{CLIENT}body")


async def test_an_announcement(bard: ScriptedClient, connect: Connect) -> None:
    """§4.23."""
    juliet = await connect("juliet")
    await do(bard, "announce", {"announcement": ["Attention!", "We go down."]})
    assert await body(juliet) == "Attention!\nWe go down."
    assert (await fail(bard, "announce", {"announcement": ""}))[1] == "bad-payload"


async def test_the_message_of_the_day(bard: ScriptedClient, connect: Connect) -> None:
    """§4.24 to §4.26."""
    juliet = await connect("juliet")
    await do(bard, "set-motd", {"motd": ["Don't forget:", "the Globe Stuff"]})
    assert await body(juliet) == "Don't forget:\nthe Globe Stuff"
    assert fields(await call(bard, node("edit-motd")))["motd"] == ["Don't forget:", "the Globe Stuff"]
    await do(bard, "edit-motd", {"motd": "the Globe Staff"})
    await juliet.nothing()
    romeo = await connect("romeo")
    romeo.write("<presence/>")
    assert await body(romeo) == "the Globe Staff"
    await do(bard, "delete-motd")
    assert fields(await call(bard, node("edit-motd")))["motd"] == []


async def test_the_welcome(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.27, §4.28."""
    await do(bard, "set-welcome", {"welcome": ["Welcome to", "the Globe"]})
    assert fields(await call(bard, node("set-welcome")))["welcome"] == ["Welcome to", "the Globe"]
    await do(bard, "add-user", NEW)
    tybalt = await connect()
    await tybalt.login("tybalt", "s3cr3t")
    tybalt.write("<presence/>")
    assert await body(tybalt) == "Welcome to\nthe Globe"
    await do(bard, "delete-welcome")
    assert fields(await call(bard, node("set-welcome")))["welcome"] == []


# ---- the end (§4.30, §4.31)


async def test_shutting_down(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    """§4.31: who asks has an answer at once; everybody is told, and it comes after the delay."""
    juliet = await connect("juliet")
    await do(bard, "shutdown", {"delay": "30", "announcement": "Please log off now."})
    assert await body(juliet) == "Please log off now."
    await juliet.nothing()  # still there
    assert (await fail(bard, "shutdown", {"delay": "1"}))[1] == "bad-payload"
    await do(bard, "shutdown", {})
    assert condition((await juliet.closed())[-1]) == "system-shutdown"
    await server.wait_stopped()


async def test_a_server_within_a_program_is_not_restarted(
    bard: ScriptedClient, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """§4.30: it tells so in its log; `burble serve` is restarted in the tests of real clients."""
    await do(bard, "restart", {"announcement": "Back soon."})
    assert await body(bard) == "Back soon."
    await bard.sync()
    assert "restart_kindly, which bard@localhost by adhoc asked for, failed" in caplog.text
