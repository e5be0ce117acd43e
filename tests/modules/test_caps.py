"""XEP-0115: the server's capabilities by their hash. (The hash itself: tests/words/test_discovery.py.)"""

from __future__ import annotations

import base64
import hashlib
import xml.etree.ElementTree as ET

from burble.server import Server
from tests.client import ScriptedClient, condition
from tests.conftest import Connect, Serve

CAPS = "{http://jabber.org/protocol/caps}"
INFO = "{http://jabber.org/protocol/disco#info}"
DATA = "{jabber:x:data}"


def announced(client: ScriptedClient) -> tuple[str, str]:
    """The node and hash that the stream's features had."""
    assert client.features is not None
    (caps,) = client.features.findall(f"{CAPS}c")
    assert caps.get("hash") == "sha-1"
    return caps.get("node", ""), caps.get("ver", "")


async def info(client: ScriptedClient, node: str = "") -> ET.Element:
    attribute = f" node='{node}'" if node else ""
    return await client.ask("get", f"<query xmlns='{INFO[1:-1]}'{attribute}/>", "localhost")


def computed(query: ET.Element) -> str:
    """The hash of what was answered, by §5.1, from the XML as it came."""
    parts = sorted(
        f"{each.get('category')}/{each.get('type')}//{each.get('name', '')}"
        for each in query.findall(f"{INFO}identity")
    )
    parts += sorted(each.get("var", "") for each in query.findall(f"{INFO}feature"))
    for form in query.findall(f"{DATA}x"):
        fields = {field.get("var", ""): sorted(value.text or "" for value in field) for field in form}
        parts += fields.pop("FORM_TYPE")
        for var in sorted(fields):
            parts += [var, *fields[var]]
    text = "".join(f"{part}<" for part in parts)
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


async def test_a_client_that_has_logged_in_gets_the_hash(connect: Connect) -> None:
    """§6.3: with the features after the login, and the hash is that of the answer to disco#info (§5.4)."""
    juliet = await connect()
    before = await juliet.open()
    assert before.find(f"{CAPS}c") is None
    await juliet.authenticate("juliet", "secret")
    await juliet.open()
    await juliet.bind()
    node, ver = announced(juliet)
    assert node
    query = (await info(juliet))[0]
    assert ver == computed(query)
    assert CAPS[1:-1] in [each.get("var") for each in query.findall(f"{INFO}feature")]


async def test_the_hash_covers_the_contact_addresses(serve: Serve, connect: Connect) -> None:
    """§5.1, steps 6 and 7."""
    contacts = {"support": ["xmpp:s@s.lit", "mailto:s@s.lit"], "abuse": ["mailto:a@s.lit"]}
    server = await serve(modules={"disco": {"contacts": contacts}})
    juliet = await connect("juliet", to=server)
    assert announced(juliet)[1] == computed((await info(juliet))[0])


async def test_the_server_explains_its_hash_and_no_other(connect: Connect) -> None:
    """§6.2: the node of the request is mirrored; item-not-found for others (XEP-0030 §7)."""
    juliet = await connect("juliet")
    node, ver = announced(juliet)
    query = (await info(juliet, f"{node}#{ver}"))[0]
    assert query.get("node") == f"{node}#{ver}"
    assert computed(query) == ver
    assert condition(await info(juliet, f"{node}#q07IKJEyjvHSyhy//CH0CxmKi8w=")) == "item-not-found"
    own = await juliet.ask("get", f"<query xmlns='{INFO[1:-1]}' node='{node}#{ver}'/>")
    assert condition(own) == "item-not-found"


async def test_another_set_of_modules_has_another_hash(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    _, before = announced(juliet)
    await server.hosts["localhost"].modules["time"].unload()
    romeo = await connect("romeo")
    _, after = announced(romeo)
    assert after != before
    assert after == computed((await info(romeo))[0])


async def test_other_contact_addresses_have_another_hash(server: Server, connect: Connect) -> None:
    """While the server runs: a reload of its settings."""
    juliet = await connect("juliet")
    disco = server.hosts["localhost"].modules["disco"]
    await disco.configure(disco.Settings(contacts={"abuse": ["mailto:abuse@shakespeare.lit"]}))
    romeo = await connect("romeo")
    assert announced(romeo)[1] != announced(juliet)[1]
    assert announced(romeo)[1] == computed((await info(romeo))[0])
