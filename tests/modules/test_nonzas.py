"""XEP-0360: modules take elements that are no stanzas."""

from __future__ import annotations

from burble import Element, nonza
from burble.module import Module
from burble.server import Server
from burble.streams.c2s import C2SStream
from tests.client import condition
from tests.conftest import Connect

KNOCK = "urn:example:knock"


class Knocking(Module):
    """Answers a knock."""

    name = "knocking"

    @nonza(KNOCK)
    def knocked(self, stream: C2SStream, element: Element) -> None:
        """Say who knocked how often."""
        stream.send(Element("heard", KNOCK, {"times": element.get("times") or "1"}))


async def test_a_module_takes_the_elements_of_its_namespace(server: Server, connect: Connect) -> None:
    knocking = Knocking(server.hosts["localhost"], Knocking.Settings())
    await knocking.load()
    juliet = await connect("juliet/balcony")
    juliet.write(f"<knock xmlns='{KNOCK}' times='3'/>")
    heard = await juliet.next()
    assert (heard.tag, heard.get("times")) == (f"{{{KNOCK}}}heard", "3")

    await knocking.unload()
    juliet.write(f"<knock xmlns='{KNOCK}'/>")
    assert condition(await juliet.next()) == "unsupported-stanza-type"
