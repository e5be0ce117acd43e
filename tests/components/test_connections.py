"""Components come and go, connect twice, and are added and removed while the server runs (XEP-0114)."""

from __future__ import annotations

import asyncio

import pytest

from burble.config import ComponentSettings, Settings
from burble.routing.events import ComponentGone
from burble.server import Server
from tests.client import CLIENT, condition
from tests.components.component import COMPONENT, SECRET, ScriptedComponent
from tests.components.conftest import DOMAIN, LISTEN, Attach
from tests.conftest import Connect, Serve

CROWD = "crowd.localhost"
EAGER = "eager.localhost"


def when_gone(server: Server) -> asyncio.Event:
    """Set when a component has lost its last connection."""
    event = asyncio.Event()
    server.hosts["localhost"].hooks.on(ComponentGone, lambda _: event.set())
    return event


async def leave(component: ScriptedComponent) -> None:
    """Close a stream as one should."""
    component.write("</stream:stream>")
    assert await component.closed() == []


# ---- gone, and back


async def test_who_writes_to_one_that_is_not_connected_is_told_to_try_again(connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write(f"<message to='a@{DOMAIN}' id='1' type='chat'><body>Hi</body></message>")

    answer = await juliet.next()

    assert condition(answer) == "service-unavailable"
    error = answer.find(f"{CLIENT}error")
    assert error is not None
    assert error.get("type") == "wait"
    assert answer.get("from") == f"a@{DOMAIN}"


async def test_after_a_restart_it_goes_on(attach: Attach, connect: Connect, server: Server) -> None:
    juliet = await connect("juliet/balcony")
    first, lost = await attach(), when_gone(server)
    await first.close()
    async with asyncio.timeout(5):
        await lost.wait()
    assert not server.router.components
    juliet.write(f"<message to='{DOMAIN}' id='1'><body>Lost</body></message>")
    assert condition(await juliet.next()) == "service-unavailable"

    second = await attach()
    juliet.write(f"<message to='{DOMAIN}' id='2'><body>Hi</body></message>")

    assert (await second.next()).get("id") == "2"


async def test_a_closed_stream_is_closed_in_turn(attach: Attach, server: Server) -> None:
    component = await attach()

    await leave(component)

    assert not server.router.components


async def test_what_it_sent_before_it_went_is_handled(attach: Attach, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    await juliet.next()
    component = await attach()
    component.write(f"<presence type='unavailable' from='a@{DOMAIN}' to='juliet@localhost'/></stream:stream>")
    await component.closed()

    assert (await juliet.next()).get("type") == "unavailable"


async def test_one_that_has_stopped_reading_is_cut_off(serve: Serve, attach: Attach) -> None:
    """What waits for it is bounded, and others are unharmed."""
    server = await serve(
        listen=LISTEN, components={DOMAIN: {"secret": SECRET, "output_buffer_bytes": 200_000}}
    )
    component, lost = await attach(to=server), when_gone(server)
    component.write(f"<message to='a@{DOMAIN}'><body>{'x' * 900_000}</body></message>" * 30)

    async with asyncio.timeout(10):  # nobody reads
        await lost.wait()


# ---- several connections


async def test_a_second_connection_is_refused(attach: Attach, connect: Connect) -> None:
    first, second = await attach(), await attach(shake=False)
    second.shake(await second.open_stream())

    [error] = await second.closed()

    assert condition(error) == "conflict"
    juliet = await connect("juliet/balcony")
    juliet.write(f"<message to='{DOMAIN}' id='1'/>")
    assert (await first.next()).get("id") == "1"


async def test_or_it_replaces_the_first(attach: Attach, connect: Connect, server: Server) -> None:
    first, second = await attach(EAGER), await attach(EAGER)

    [error] = await first.closed()

    assert condition(error) == "conflict"
    juliet = await connect("juliet/balcony")
    juliet.write(f"<message to='{EAGER}' id='1'/>")
    assert (await second.next()).get("id") == "1"
    assert server.router.components == {EAGER}


async def test_as_many_connections_as_the_settings_say(attach: Attach) -> None:
    for _ in range(3):
        await attach(CROWD)
    fourth = await attach(CROWD, shake=False)
    fourth.shake(await fourth.open_stream())

    [error] = await fourth.closed()

    assert condition(error) == "conflict"


async def test_all_of_one_sender_goes_through_one_connection_in_order(attach: Attach, server: Server) -> None:
    """RFC 6120 §10.1; and the connections share the work."""
    components = [await attach(CROWD) for _ in range(3)]
    sender = await attach()
    for number in range(4):
        for person in range(120):
            sender.write(f"<message from='p{person}@{DOMAIN}/{number % 2}' to='x@{CROWD}' id='{number}'/>")
    await sender.sync()
    for component in components:  # one more for each, to know where the others end
        server.components.components[CROWD].streams[components.index(component)].send_bytes(b"<end/>")

    received = {}
    for component in components:
        seen: dict[str, list[int]] = {}
        while True:
            element = await component.next()
            if element.tag == f"{COMPONENT}end":
                break
            seen.setdefault((element.get("from") or "").partition("/")[0], []).append(
                int(element.get("id") or "")
            )
        assert len(seen) >= 15, "a connection is hardly used"
        assert not received.keys() & seen.keys()
        received |= seen
    assert len(received) == 120
    assert all(numbers == list(range(4)) for numbers in received.values())


async def test_when_one_goes_the_others_take_over(attach: Attach, server: Server) -> None:
    first, second = await attach(CROWD), await attach(CROWD)
    await leave(first)
    sender = await attach()
    for person in range(20):
        sender.write(f"<message from='p{person}@{DOMAIN}' to='x@{CROWD}' id='{person}'/>")

    assert [(await second.next()).get("id") for _ in range(20)] == [str(person) for person in range(20)]
    assert CROWD in server.router.components


# ---- other settings, while running


def changed(server: Server, *components: tuple[str, ComponentSettings], **more: object) -> Settings:
    """The settings of a server, with other components."""
    return server.settings.model_copy(update={"components": dict(components), **more})


async def test_a_component_can_be_added_while_running(server: Server, attach: Attach) -> None:
    problems = await server.reload(changed(server, ("new.localhost", ComponentSettings(secret=SECRET))))

    assert not problems
    await attach("new.localhost")
    assert server.router.components == {"new.localhost"}


async def test_one_that_is_left_out_is_cut_off(server: Server, attach: Attach, connect: Connect) -> None:
    component, other = await attach(), await attach(EAGER)
    await server.reload(changed(server, (EAGER, server.settings.components[EAGER])))

    [error] = await component.closed()

    assert condition(error) == "host-gone"
    juliet = await connect("juliet/balcony")
    juliet.write(f"<message to='{EAGER}' id='1'/>")
    assert (await other.next()).get("id") == "1"
    assert not server.router.serves(DOMAIN)


async def test_with_another_secret_it_has_to_connect_again(server: Server, attach: Attach) -> None:
    component = await attach()
    await server.reload(changed(server, (DOMAIN, ComponentSettings(secret="new"))))

    [error] = await component.closed()

    assert condition(error) == "reset"
    await attach(secret="new")


async def test_with_other_settings_it_stays(server: Server, attach: Attach, connect: Connect) -> None:
    component = await attach()
    await server.reload(changed(server, (DOMAIN, ComponentSettings(secret=SECRET, connections=2))))
    await attach()

    with pytest.raises(TimeoutError):
        await component.next(0.05)


async def test_a_component_can_not_have_the_domain_of_a_service(server: Server) -> None:
    [problem] = await server.reload(
        changed(server, ("conference.localhost", ComponentSettings(secret=SECRET)))
    )

    assert "conference.localhost" in problem
    assert "served already" in problem


async def test_a_component_may_take_the_domain_of_a_host_that_goes(server: Server, attach: Attach) -> None:
    old = changed(server, hosts=["localhost", DOMAIN])
    assert not await server.reload(old)
    new = changed(server, (DOMAIN, ComponentSettings(secret=SECRET)), hosts=["localhost"])
    assert not await server.reload(new)

    await attach()


async def test_who_stops_says_so_last(server: Server, attach: Attach, connect: Connect) -> None:
    """Clients that go with the server are unavailable for the component, then its stream is closed."""
    component = await attach()
    juliet = await connect("juliet/balcony")
    juliet.write(f"<presence to='a@{DOMAIN}'/>")
    assert (await component.next()).tag == f"{COMPONENT}presence"
    stopping = asyncio.ensure_future(server.stop())

    left, error = await component.closed()

    assert (left.get("type"), left.get("from")) == ("unavailable", "juliet@localhost/balcony")
    assert condition(error) == "system-shutdown"
    await component.close()
    await juliet.close()
    await stopping
