"""XEP-0054: vCards, for everybody to read."""

from __future__ import annotations

from tests.client import condition
from tests.conftest import Connect, Serve

VCARD = "{vcard-temp}"
ASK = "<vCard xmlns='vcard-temp'/>"
CARD = "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN><N><FAMILY>Capulet</FAMILY><MIDDLE/></N></vCard>"


async def test_a_vcard_is_stored_and_shown_to_its_owner(connect: Connect) -> None:
    """§3.1, §3.2: without an address, and the whole of it is replaced."""
    juliet = await connect("juliet")
    answer = await juliet.ask("set", "<vCard xmlns='vcard-temp'><FN>J</FN><DESC>old</DESC></vCard>")
    assert answer.get("type") == "result"
    assert len(answer) == 0
    await juliet.ask("set", CARD)
    card = (await juliet.ask("get", ASK))[0]
    assert [child.tag for child in card] == [f"{VCARD}FN", f"{VCARD}N"]
    assert card.findtext(f"{VCARD}FN") == "Juliet Capulet"
    assert [child.tag for child in card[1]] == [f"{VCARD}FAMILY", f"{VCARD}MIDDLE"]


async def test_anybody_sees_a_vcard_while_its_owner_is_offline(connect: Connect) -> None:
    """§3.3: the server answers, from the account's bare JID."""
    juliet = await connect("juliet")
    await juliet.ask("set", CARD)
    await juliet.close()
    romeo = await connect("romeo")
    answer = await romeo.ask("get", ASK, "juliet@localhost")
    assert answer.get("from") == "juliet@localhost"
    assert answer.findtext(f".//{VCARD}FN") == "Juliet Capulet"


async def test_the_owner_s_client_is_not_asked(connect: Connect) -> None:
    """§3.3: a request to the bare JID is not forwarded."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await romeo.ask("get", ASK, "juliet@localhost")
    await juliet.nothing()


async def test_an_owner_without_a_vcard_learns_so(connect: Connect) -> None:
    """§3.1."""
    juliet = await connect("juliet")
    assert condition(await juliet.ask("get", ASK)) == "item-not-found"


async def test_no_vcard_and_no_account_look_the_same(connect: Connect) -> None:
    """§3.3: service-unavailable in both cases."""
    romeo = await connect("romeo")
    errors = [await romeo.ask("get", ASK, to) for to in ("juliet@localhost", "nobody@localhost")]
    assert [condition(error) for error in errors] == ["service-unavailable"] * 2
    assert [error.findtext(".//{*}text") for error in errors] == [errors[0].findtext(".//{*}text")] * 2


async def test_only_its_owner_changes_a_vcard(connect: Connect) -> None:
    """§3.2: forbidden, whether the account exists or not."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await juliet.ask("set", CARD)
    for to in ("juliet@localhost", "nobody@localhost"):
        assert (
            condition(await romeo.ask("set", "<vCard xmlns='vcard-temp'><FN>R</FN></vCard>", to))
            == "forbidden"
        )
    assert (await juliet.ask("get", ASK)).findtext(f".//{VCARD}FN") == "Juliet Capulet"


async def test_a_vcard_has_its_limit(serve: Serve, connect: Connect) -> None:
    """One that is too large is refused, and the one before stays."""
    server = await serve(limits={"vcard_bytes": 200})
    juliet = await connect("juliet", to=server)
    await juliet.ask("set", CARD)
    answer = await juliet.ask("set", f"<vCard xmlns='vcard-temp'><NOTE>{'x' * 200}</NOTE></vCard>")
    assert condition(answer) == "policy-violation"
    assert (await juliet.ask("get", ASK)).findtext(f".//{VCARD}FN") == "Juliet Capulet"
