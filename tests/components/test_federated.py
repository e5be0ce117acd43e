"""A component and people of another server: everything goes over a stream between the servers."""

from __future__ import annotations

from bench.ports import free_ports

from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient
from tests.components.component import COMPONENT, SECRET
from tests.components.conftest import Attach
from tests.conftest import Serve
from tests.servers.burbles import settings_of

NEAR, FAR, GATEWAY = "near.test", "far.test", "gateway.near.test"


async def test_a_component_is_reached_from_another_server(serve: Serve, attach: Attach) -> None:
    """Its domain is proved as a host's is, both ways (XEP-0220)."""
    near_port, far_port = free_ports(2)
    ports = {NEAR: near_port, GATEWAY: near_port, FAR: far_port}
    settings = settings_of(NEAR, ports)
    settings["listen"]["components"] = ["127.0.0.1:0"]
    near = await serve(**settings, components={GATEWAY: {"secret": SECRET}})
    far = await serve(**settings_of(FAR, ports))
    await far.hosts[FAR].register("viola", "secret")
    component = await attach(GATEWAY, to=near)
    viola = await ScriptedClient(port_of(far), FAR).connect()
    await viola.login("viola", resource="shore")
    viola.write("<presence/>")
    await viola.next()

    viola.write(f"<message to='nurse@{GATEWAY}' type='chat' id='1'><body>Hi</body></message>")
    heard = await component.next()
    component.write(f"<message from='nurse@{GATEWAY}' to='viola@{FAR}' type='chat'><body>Ho</body></message>")
    said = await viola.next()

    assert (heard.get("from"), heard.findtext(f"{COMPONENT}body")) == (f"viola@{FAR}/shore", "Hi")
    assert (said.get("from"), said.findtext(f"{CLIENT}body")) == (f"nurse@{GATEWAY}", "Ho")
    await viola.close()
