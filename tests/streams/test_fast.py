"""XEP-0484: a client that has logged in once comes back with a token."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import pytest
from sqlalchemy import update

from burble.commands import ADMIN, Caller
from burble.server import Server
from burble.storage.schema import fast_tokens
from burble.timestamps import parse_stamp
from tests.conftest import Serve
from tests.streams.inline import BIND2, FAST, SASL2, InlineClient, bind, failure, request_token

CALLER = Caller("test", frozenset({ADMIN}))
TABLET = "00000000-0000-4000-8000-000000000000"


def given(answer: ET.Element) -> str:
    """The token in a success."""
    assert answer.tag == f"{SASL2}success", ET.tostring(answer)
    token = answer.find(f"{FAST}token")
    assert token is not None, ET.tostring(answer)
    return token.get("token") or ""


async def fresh(server: Server, agent: str = "") -> InlineClient:
    """A client about to log in."""
    client = InlineClient(server, agent) if agent else InlineClient(server)
    await client.begin()
    return client


async def a_token(server: Server, mechanism: str = "HT-SHA-256-ENDP") -> str:
    """A token for juliet's phone."""
    client = await fresh(server)
    return given(await client.plain(request_token(mechanism)))


async def test_the_offer(server: Server) -> None:
    """§3.1: mechanisms with channel binding and one without."""
    offer = await InlineClient(server).begin()
    fast = offer.find(f"{SASL2}inline/{FAST}fast")
    assert fast is not None
    names = {element.text for element in fast}
    assert {"HT-SHA-256-ENDP", "HT-SHA-256-NONE"} <= names
    assert fast.get("tls-0rtt") is None


async def test_in_one_round_trip_from_tls_to_a_session(server: Server) -> None:
    """§3.2 to §3.4."""
    client = await fresh(server)
    answer = await client.plain(request_token())
    token = given(answer)
    element = answer.find(f"{FAST}token")
    assert element is not None
    parse_stamp(element.get("expiry") or "")

    again = await fresh(server)
    answer = await again.token(token, bind())
    assert answer.find(f"{BIND2}bound") is not None
    assert answer.find(f"{FAST}token") is None
    assert again.jid.startswith("juliet@localhost/Test/")
    await again.next_features()
    await again.sync()
    third = await fresh(server)
    assert (await third.token(token)).tag == f"{SASL2}success"


async def test_none_is_given_to_who_does_not_ask_or_has_no_name(server: Server) -> None:
    """§4.1: tokens are for one client each."""
    client = await fresh(server)
    assert (await client.plain()).find(f"{FAST}token") is None
    nameless = InlineClient(server, "")
    await nameless.begin()
    assert (await nameless.plain(request_token())).find(f"{FAST}token") is None
    odd = await fresh(server)
    assert (await odd.plain(request_token("HT-MD5-NONE"))).find(f"{FAST}token") is None


async def test_a_token_is_of_one_client_account_and_mechanism(server: Server) -> None:
    """§3.4: a token for channel binding is worth nothing without; another client's or account's neither."""
    token = await a_token(server)
    client = await fresh(server)
    assert failure(await client.token(token, mechanism="HT-SHA-256-NONE")) == "not-authorized"
    assert failure(await client.token(token, user="romeo")) == "not-authorized"
    assert failure(await client.token(token, user="nobody")) == "not-authorized"
    tablet = await fresh(server, TABLET)
    assert failure(await tablet.token(token)) == "not-authorized"
    nameless = InlineClient(server, "")
    await nameless.begin()
    assert failure(await nameless.token(token)) == "malformed-request"


async def test_what_is_no_proof_is_refused(server: Server) -> None:
    await a_token(server)
    client = await fresh(server)
    for data in (
        b"",
        b"juliet",
        b"juliet\0",
        b"\0" + bytes(32),
        b"juliet\0" + bytes(33),
        b"\xff\0" + bytes(32),
    ):
        client = await fresh(server)
        client.ask_in("HT-SHA-256-NONE", data, "<fast xmlns='urn:xmpp:fast:0'/>")
        assert failure(await client.next()) == "malformed-request"
    client = await fresh(server)
    client.ask_in("HT-SHA-256-NONE", b"juliet\0" + bytes(32), "<fast xmlns='urn:xmpp:fast:0'/>")
    assert failure(await client.next()) == "not-authorized"
    client.ask_in("PLAIN", b"\0juliet\0secret", "<fast xmlns='urn:xmpp:fast:0'/>")
    assert failure(await client.next()) == "invalid-mechanism"


async def test_a_login_that_was_seen_before_is_refused(server: Server) -> None:
    """§3.4: where the client counts, the count must grow."""
    token = await a_token(server)
    for count, outcome in ((2, ""), (2, "not-authorized"), (1, "not-authorized"), (3, "")):
        client = await fresh(server)
        answer = await client.token(token, attributes=f" count='{count}'")
        assert (failure(answer) if outcome else "") == outcome
        assert outcome or answer.tag == f"{SASL2}success"
    assert failure(await (await fresh(server)).token(token, attributes=" count='x'")) == "malformed-request"


async def test_a_token_expires(server: Server) -> None:
    """§4.2: credentials-expired; the password is asked for again."""
    token = await a_token(server)
    await server.database.execute(update(fast_tokens).values(expires=1))
    client = await fresh(server)
    assert failure(await client.token(token)) == "credentials-expired"
    assert (await client.plain()).tag == f"{SASL2}success"


async def test_an_old_token_is_replaced_and_good_until_the_new_one_is_used(server: Server) -> None:
    """§3.5, §6.1."""
    token = await a_token(server)
    await server.database.execute(update(fast_tokens).values(issued=1))
    newer = given(await (await fresh(server)).token(token))
    # The client may not have got it: it gets another one.
    newest = given(await (await fresh(server)).token(token))
    assert len({token, newer, newest}) == 3
    assert failure(await (await fresh(server)).token(newer)) == "not-authorized"
    assert (await (await fresh(server)).token(newest)).find(f"{FAST}token") is None
    assert failure(await (await fresh(server)).token(token)) == "not-authorized"


async def test_a_client_takes_its_token_back(server: Server) -> None:
    """§3.6: it logs in once more, and never again; no new one is given."""
    token = await a_token(server)
    await server.database.execute(update(fast_tokens).values(issued=1))
    answer = await (await fresh(server)).token(token, attributes=" invalidate='true'")
    assert answer.tag == f"{SASL2}success"
    assert answer.find(f"{FAST}token") is None
    assert failure(await (await fresh(server)).token(token)) == "not-authorized"


async def test_revoked_tokens_and_those_of_an_old_password_are_worthless(server: Server) -> None:
    token = await a_token(server)
    arguments = {"user": "juliet", "host": "localhost"}
    assert await server.commands.call("revoke_client_tokens", arguments, CALLER) == 1
    assert failure(await (await fresh(server)).token(token)) == "not-authorized"
    token = await a_token(server)
    await server.hosts["localhost"].authenticator.set_password("juliet", "another")
    assert failure(await (await fresh(server)).token(token)) == "not-authorized"


async def test_a_disabled_account_is_not_let_in(server: Server) -> None:
    token = await a_token(server)
    await server.hosts["localhost"].authenticator.set_disabled("juliet", True)
    assert failure(await (await fresh(server)).token(token)) == "account-disabled"


async def test_a_token_of_a_removed_account_is_worthless_to_its_successor(server: Server) -> None:
    token = await a_token(server)
    host = server.hosts["localhost"]
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    assert failure(await (await fresh(server)).token(token)) == "not-authorized"


async def test_what_the_database_holds_is_no_token(server: Server) -> None:
    """Who has read the database can't log in with it."""
    token = await a_token(server)
    (row,) = await server.database.fetch(fast_tokens.select())
    assert token not in str(row)
    assert token.encode() not in bytes(row.nonce)


async def test_two_devices_have_tokens_of_their_own(server: Server) -> None:
    phone = await a_token(server)
    client = await fresh(server, TABLET)
    tablet = given(await client.plain(request_token()))
    answers = await asyncio.gather(
        (await fresh(server)).token(phone), (await fresh(server, TABLET)).token(tablet)
    )
    assert [answer.tag for answer in answers] == [f"{SASL2}success"] * 2


@pytest.mark.parametrize("wanted", ["sasl2", "fast"])
async def test_it_can_be_switched_off(serve: Serve, wanted: str) -> None:
    modules: dict[str, object] = {"disable": ["sasl2"]} if wanted == "sasl2" else {"sasl2": {"fast": False}}
    server = await serve(modules=modules)
    client = InlineClient(server)
    if wanted == "sasl2":
        with pytest.raises(AssertionError):
            await client.begin()
        return
    offer = await client.begin()
    assert offer.find(f"{SASL2}inline/{FAST}fast") is None
    client.ask_in("HT-SHA-256-NONE", b"juliet\0" + bytes(32), "<fast xmlns='urn:xmpp:fast:0'/>")
    assert failure(await client.next()) == "invalid-mechanism"
