"""Commands about vCards: what they write is what clients read, and the other way round."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))
CARD = (
    "<vCard xmlns='vcard-temp'><FN>Juliet</FN><N><FAMILY>Capulet</FAMILY></N>"
    "<TEL><HOME/><VOICE/><NUMBER>1</NUMBER></TEL><TEL><WORK/><NUMBER>2</NUMBER></TEL>"
    "<ORG><ORGNAME>Verona</ORGNAME><ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT></ORG></vCard>"
)


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def card(connect: Connect) -> str:
    client = await connect("juliet/reader")
    answer = await client.ask("get", "<vCard xmlns='vcard-temp'/>")
    found = answer.find("{vcard-temp}vCard")
    assert found is not None
    return " ".join(f"{each.tag.partition('}')[2]}={each.text}" for each in found.iter() if each.text)


@pytest.fixture
async def juliet(server: Server, connect: Connect) -> Server:
    """A server on which a client of juliet's has written her vCard."""
    client = await connect("juliet/writer")
    assert (await client.ask("set", CARD)).get("type") == "result"
    return server


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        ("fn", ["Juliet"]),
        ("N family", ["Capulet"]),
        ("TEL VOICE", ["1"]),
        ("tel work", ["2"]),
        ("ORG ORGUNIT", ["a", "b"]),
    ],
)
async def test_what_a_client_wrote_is_told(juliet: Server, names: str, texts: list[str]) -> None:
    name = "get_vcard2" if " " in names else "get_vcard"
    assert await call(juliet, name, "juliet", "localhost", *names.split()) == texts[0]
    if " " in names:
        assert await call(juliet, "get_vcard2_multi", "juliet", "localhost", *names.split()) == texts


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ("set_vcard FN Jule", ("FN=Juliet", "")),
        ("set_vcard2 N GIVEN Juliet", ("FAMILY=Capulet", "FAMILY=Capulet GIVEN=Juliet")),
        ("set_vcard2 TEL WORK 3", ("NUMBER=2 ", "")),
        ("set_vcard2_multi ORG ORGUNIT c", (" ORGUNIT=a ORGUNIT=b", " ORGUNIT=c")),
        ("set_vcard2 EMAIL USERID j@x", ("", "")),
        ("set_nickname Jules", ("", "")),
    ],
)
async def test_only_what_is_named_is_changed(
    juliet: Server, connect: Connect, arguments: str, changed: tuple[str, str]
) -> None:
    before = await card(connect)
    name, *rest = arguments.split()
    await call(juliet, name, "juliet", "localhost", *rest)
    kept = set(before.replace(*changed).split()) if changed[0] else set(before.split())
    after = set((await card(connect)).split())
    assert kept <= after
    assert len(after - kept) == (0 if changed[1] else 1)
    assert any(word.endswith(f"={rest[-1]}") for word in after)


async def test_an_empty_text_takes_a_field_away(juliet: Server, connect: Connect) -> None:
    await call(juliet, "set_vcard", "juliet", "localhost", "FN", "")
    await call(juliet, "set_vcard2", "juliet", "localhost", "N", "FAMILY", "")
    await call(juliet, "set_vcard2", "juliet", "localhost", "TEL", "HOME", "")
    assert await card(connect) == "NUMBER=2 ORGNAME=Verona ORGUNIT=a ORGUNIT=b"
    with pytest.raises(CommandFailed, match="that is not in the vCard of juliet@localhost"):
        await call(juliet, "get_vcard", "juliet", "localhost", "FN")


async def test_who_has_no_vcard_gets_one(server: Server) -> None:
    with pytest.raises(CommandFailed, match="that is not in the vCard"):
        await call(server, "get_vcard", "nurse", "localhost", "FN")
    await call(server, "set_vcard", "nurse", "localhost", "FN", "Nurse & <Co>")
    assert await call(server, "get_vcard", "nurse", "localhost", "FN") == "Nurse & <Co>"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set_vcard", "nobody", "localhost", "FN", "x"), "there is no account nobody@localhost"),
        (("set_vcard", "nurse", "localhost", "F N", "x"), "name: expected a field of vCards"),
        (("set_vcard", "nurse", "localhost", "", "x"), "name: expected a field of vCards"),
        (("set_vcard", "nurse", "localhost", "FN", "x" * 300_000), "a vCard may have 262144 bytes"),
    ],
)
async def test_what_cannot_be_written(server: Server, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        await call(server, *arguments)
