"""XEP-0077: registration before the login, password and account after it."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import pytest

from burble.errors import StanzaError
from burble.modules.register import RecentRegistrations
from burble.server import Server
from tests.client import CLIENT, SASL, STREAMS, condition
from tests.conftest import Connect, Serve

REGISTER = "{jabber:iq:register}"
FORMS = "{jabber:x:data}"
FEATURE = "{http://jabber.org/features/iq-register}register"


def fields(username: str, password: str) -> str:
    return (
        f"<query xmlns='jabber:iq:register'><username>{username}</username>"
        f"<password>{password}</password></query>"
    )


def form(form_type: str = "jabber:iq:register", **values: str) -> str:
    inner = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in values.items())
    return (
        "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>{inner}</x></query>"
    )


async def logs_in(connect: Connect, user: str, password: str) -> bool:
    client = await connect()
    await client.open()
    return (await client.authenticate(user, password)).tag == f"{SASL}success"


# ---- before the login


async def test_a_stranger_learns_what_to_fill_in(connect: Connect) -> None:
    """§3.1: the fields, and the same as a data form (§4)."""
    client = await connect()
    features = await client.open()
    assert features.find(FEATURE) is not None
    answer = await client.ask("get", "<query xmlns='jabber:iq:register'/>")
    query = answer.find(f"{REGISTER}query")
    assert answer.get("type") == "result"
    assert query is not None
    assert query.find(f"{REGISTER}username") is not None
    assert query.find(f"{REGISTER}password") is not None
    assert query.findtext(f"{REGISTER}instructions")
    assert query.find(f"{REGISTER}registered") is None
    names = {field.get("var"): field for field in query.iter(f"{FORMS}field")}
    assert names["FORM_TYPE"].findtext(f"{FORMS}value") == "jabber:iq:register"
    assert names["username"].find(f"{FORMS}required") is not None
    assert names["password"].get("type") == "text-private"


@pytest.mark.parametrize(
    "submission", [fields("bill", "Calliope"), form(username="bill", password="Calliope")]
)
async def test_a_stranger_registers_and_logs_in_on_the_same_stream(connect: Connect, submission: str) -> None:
    """§3.1.1: register, then authenticate with the new identity."""
    client = await connect()
    await client.open()
    answer = await client.ask("set", submission)
    assert answer.get("type") == "result"
    assert len(answer) == 0
    assert (await client.authenticate("bill", "Calliope")).tag == f"{SASL}success"
    await client.open()
    await client.bind("globe")
    assert client.jid == "bill@localhost/globe"


async def test_the_form_counts_where_there_are_fields_too(connect: Connect) -> None:
    """§4, rule 5: the form takes precedence over the fields."""
    client = await connect()
    await client.open()
    both = form(username="bill", password="inform").replace(
        "</query>", "<username>will</username><password>infields</password></query>"
    )
    assert (await client.ask("set", both)).get("type") == "result"
    assert await logs_in(connect, "bill", "inform")


async def test_usernames_are_prepared(connect: Connect) -> None:
    """RFC 7622 §3.3: who registers BILL is bill."""
    client = await connect()
    await client.open()
    assert (await client.ask("set", fields("BILL", "Calliope"))).get("type") == "result"
    assert await logs_in(connect, "bill", "Calliope")
    assert condition(await client.ask("set", fields("bill", "other"))) == "conflict"


async def test_a_taken_username_is_a_conflict_and_keeps_its_password(connect: Connect) -> None:
    """§3.1, example 6."""
    client = await connect()
    await client.open()
    assert condition(await client.ask("set", fields("juliet", "stolen"))) == "conflict"
    assert await logs_in(connect, "juliet", "secret")


@pytest.mark.parametrize(
    "submission",
    [
        fields("bill", ""),
        fields("", "Calliope"),
        "<query xmlns='jabber:iq:register'><username>bill</username></query>",
        "<query xmlns='jabber:iq:register'/>",
        fields("bill@localhost", "Calliope"),
        fields("b ill", "Calliope"),
        fields("bill", "\ue000"),
        form(username="bill"),
        "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data'/></query>",
    ],
)
async def test_what_is_incomplete_or_will_not_do_is_not_acceptable(connect: Connect, submission: str) -> None:
    """§3.1: an empty or missing field, a username that is no localpart, a password nobody can type."""
    client = await connect()
    await client.open()
    assert condition(await client.ask("set", submission)) == "not-acceptable"


async def test_where_registration_is_closed_a_stranger_is_told_so(serve: Serve, connect: Connect) -> None:
    """§3.1: MUST return service-unavailable, and there is no stream feature."""
    server = await serve(registration={"open": False})
    client = await connect(to=server)
    features = await client.open()
    assert features.find(FEATURE) is None
    for kind in ("get", "set"):
        assert condition(await client.ask(kind, fields("bill", "Calliope"))) == "service-unavailable"
    assert not await server.hosts["localhost"].authenticator.exists("bill")


async def test_registration_can_be_open_on_loopback_only(serve: Serve, connect: Connect) -> None:
    server = await serve(registration={"open": "loopback"})
    client = await connect(to=server)
    assert (await client.open()).find(FEATURE) is not None
    assert (await client.ask("set", fields("bill", "Calliope"))).get("type") == "result"


async def test_where_tls_is_required_nobody_registers_without(serve: Serve, connect: Connect) -> None:
    """§9: not unless the channel has been secured."""
    server = await serve(tls={"require": True})
    client = await connect(to=server)
    assert (await client.open()).find(FEATURE) is None
    client.write(f"<iq type='set' id='r'>{fields('bill', 'Calliope')}</iq>")
    (error,) = await client.closed()
    assert condition(error) == "policy-violation"
    assert not await server.hosts["localhost"].authenticator.exists("bill")


async def test_an_address_registers_only_so_many_accounts(serve: Serve, connect: Connect) -> None:
    """§3.1.1: not-acceptable, of type wait; failed attempts don't count, concurrent ones do."""
    server = await serve(limits={"registrations_per_address": 2})
    before = await server.hosts["localhost"].authenticator.count()
    clients = [await connect(to=server) for _ in range(4)]
    for client in clients:
        await client.open()
    assert condition(await clients[0].ask("set", fields("b ad", "Calliope"))) == "not-acceptable"
    assert condition(await clients[0].ask("set", fields("bill", "\ue000"))) == "not-acceptable"
    answers = await asyncio.gather(
        *[client.ask("set", fields(f"bill{n}", "Calliope")) for n, client in enumerate(clients)]
    )
    assert sorted(answer.get("type") or "" for answer in answers) == ["error", "error", "result", "result"]
    for answer in answers:
        if answer.get("type") == "error":
            error = answer.find(f"{CLIENT}error")
            assert condition(answer) == "not-acceptable"
            assert error is not None
            assert error.get("type") == "wait"
    assert await server.hosts["localhost"].authenticator.count() == before + 2


def test_an_ipv6_network_counts_as_one_address() -> None:
    recent = RecentRegistrations()
    recent.note("2001:db8::1", 1)
    with pytest.raises(StanzaError):
        recent.note("2001:db8::ffff:2", 1)
    recent.note("2001:db8:0:1::1", 1)
    recent.note("::ffff:192.0.2.1", 1)
    with pytest.raises(StanzaError):
        recent.note("192.0.2.1", 1)
    recent.note("192.0.2.2", 1)


# ---- after it


@pytest.mark.parametrize("to", [None, "localhost", "bare"])
async def test_an_account_is_told_that_it_is_registered(connect: Connect, to: str | None) -> None:
    """§3.1: <registered/> and what is on file."""
    client = await connect("juliet/balcony")
    assert client.features is not None
    assert client.features.find(FEATURE) is None
    target = client.bare if to == "bare" else to
    answer = await client.ask("get", "<query xmlns='jabber:iq:register'/>", target)
    query = answer.find(f"{REGISTER}query")
    assert query is not None
    assert query.find(f"{REGISTER}registered") is not None
    assert query.findtext(f"{REGISTER}username") == "juliet"
    assert not query.findtext(f"{REGISTER}password")


@pytest.mark.parametrize(
    "submission",
    [
        fields("juliet", "newpass"),
        fields("Juliet@LOCALHOST", "newpass"),
        form("jabber:iq:register:changepassword", username="juliet", password="newpass"),
    ],
)
@pytest.mark.parametrize("to", [None, "localhost"])
async def test_the_owner_changes_the_password(connect: Connect, submission: str, to: str | None) -> None:
    """§3.3."""
    client = await connect("juliet/balcony")
    assert (await client.ask("set", submission, to)).get("type") == "result"
    assert await logs_in(connect, "juliet", "newpass")
    assert not await logs_in(connect, "juliet", "secret")
    await client.sync()


@pytest.mark.parametrize(
    ("submission", "expected"),
    [
        (fields("juliet", ""), "bad-request"),
        (fields("", "newpass"), "bad-request"),
        (fields("juliet", "\ue000"), "not-acceptable"),
        (fields("romeo", "newpass"), "not-allowed"),
        (fields("juliet@elsewhere.example", "newpass"), "not-allowed"),
        (fields("j uliet", "newpass"), "not-allowed"),
    ],
)
async def test_a_refused_change_keeps_the_password(connect: Connect, submission: str, expected: str) -> None:
    """§3.3: the table of errors; the request with its password is not sent back."""
    client = await connect("juliet/balcony")
    answer = await client.ask("set", submission, "localhost")
    assert condition(answer) == expected
    assert b"newpass" not in ET.tostring(answer)
    for user in ("juliet", "romeo"):
        assert await logs_in(connect, user, "secret")


async def test_another_account_is_out_of_reach(connect: Connect) -> None:
    """A request to somebody else's bare JID is not for us to answer."""
    client = await connect("juliet/balcony")
    for payload in (fields("romeo", "newpass"), "<query xmlns='jabber:iq:register'><remove/></query>"):
        answer = await client.ask("set", payload, "romeo@localhost")
        assert condition(answer) == "service-unavailable"
    assert await logs_in(connect, "romeo", "secret")


@pytest.mark.parametrize("to", [None, "localhost"])
async def test_an_account_that_leaves_is_gone(server: Server, connect: Connect, to: str | None) -> None:
    """§3.2: the result first, then not-authorized for every session; nobody can log in any more."""
    client, other = await connect("juliet/balcony"), await connect("juliet/chamber")
    answer = await client.ask("set", "<query xmlns='jabber:iq:register'><remove/></query>", to)
    assert answer.get("type") == "result"
    assert len(answer) == 0
    for each in (client, other):
        (error,) = await each.closed()
        assert error.tag == f"{STREAMS}error"
        assert condition(error) == "not-authorized"
    assert not await server.hosts["localhost"].authenticator.exists("juliet")
    assert not await logs_in(connect, "juliet", "secret")


async def test_who_logged_in_just_before_the_account_went_gets_no_session(connect: Connect) -> None:
    """§3.2: all its sessions end, also one that was about to begin."""
    client, late = await connect("juliet/balcony"), await connect()
    await late.open()
    await late.authenticate("juliet", "secret")
    await late.open()
    await client.ask("set", "<query xmlns='jabber:iq:register'><remove/></query>")
    assert condition(await late.bind()) == "not-authorized"


async def test_a_removal_with_anything_beside_it_is_refused(connect: Connect) -> None:
    """§3.2: bad-request unless <remove/> is the only child."""
    client = await connect("juliet/balcony")
    answer = await client.ask(
        "set", "<query xmlns='jabber:iq:register'><remove/><username>juliet</username></query>"
    )
    assert condition(answer) == "bad-request"
    assert await logs_in(connect, "juliet", "secret")


async def test_who_has_no_account_has_none_to_change(serve: Serve, connect: Connect) -> None:
    """§3.2: registration-required; an anonymous session (XEP-0175) has no account."""
    server = await serve(auth={"mechanisms": ["ANONYMOUS"]})
    client = await connect(to=server)
    await client.open()
    client.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    assert (await client.next()).tag == f"{SASL}success"
    await client.open()
    await client.bind()
    answer = await client.ask("set", "<query xmlns='jabber:iq:register'><remove/></query>", "localhost")
    assert condition(answer) == "registration-required"
