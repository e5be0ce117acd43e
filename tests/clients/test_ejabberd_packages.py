"""Packages of PyPI with which Python programs administer ejabberd: over XML-RPC, and over REST."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import ejabberdapi
import pytest
from ejabberd_python3d.client import EjabberdAPIClient
from ejabberd_python3d.muc.enums import Affiliation

from burble.server import Server
from tests.conftest import Connect, Serve
from tests.faces.web import settings

pytestmark = pytest.mark.clients

T = TypeVar("T")
SERVICE = "conference.localhost"


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server that takes commands over HTTP; admin, juliet and romeo have accounts."""
    server = await serve(**settings())
    for user in ("admin", "juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


def port(server: Server) -> int:
    """Where it listens for HTTP."""
    return int(server.addresses[1].rpartition(":")[2])


async def apart(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call what waits without an event loop."""
    return await asyncio.to_thread(function, *arguments, **named)


# ---- XML-RPC: ejabberd-python3d


@pytest.fixture
def remote(server: Server) -> EjabberdAPIClient:
    """The administrator."""
    return EjabberdAPIClient("127.0.0.1", "admin", "secret", "localhost", port(server))


async def test_xmlrpc_accounts(remote: EjabberdAPIClient, server: Server) -> None:
    assert await apart(remote.register, "nurse", "localhost", "angelica") is True
    users = await apart(remote.registered_users, "localhost")
    assert [each["username"] for each in users] == ["admin", "juliet", "nurse", "romeo"]
    assert await apart(remote.check_account, "nurse", "localhost") is True
    assert await apart(remote.check_account, "tybalt", "localhost") is False
    assert await apart(remote.check_password, "nurse", "localhost", "angelica") is True
    assert await apart(remote.check_password, "nurse", "localhost", "wrong") is False
    assert await apart(remote.change_password, "nurse", "localhost", "marry bachelor") is True
    assert await server.hosts["localhost"].authenticator.check_password("nurse", "marry bachelor")
    assert await apart(remote.unregister, "nurse", "localhost") is True
    assert not await server.hosts["localhost"].authenticator.exists("nurse")


async def test_xmlrpc_rosters(remote: EjabberdAPIClient) -> None:
    arguments = ("juliet", "localhost", "romeo", "localhost", "Romeo", "Lovers;Friends", "both")
    assert await apart(remote.add_rosteritem, *arguments) is True
    (contact,) = await apart(remote.get_roster, "juliet", "localhost")
    assert (contact["jid"], contact["nick"], contact["subscription"]) == ("romeo@localhost", "Romeo", "both")
    assert await apart(remote.delete_rosteritem, "juliet", "localhost", "romeo", "localhost") is True
    assert await apart(remote.get_roster, "juliet", "localhost") == []


async def test_xmlrpc_sessions(remote: EjabberdAPIClient, server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony", to=server)
    juliet.write("<presence><show>away</show></presence>")
    await juliet.next()
    assert await apart(remote.connected_users) == ["juliet@localhost/balcony"]
    assert await apart(remote.connected_users_number) == 1
    (session,) = await apart(remote.user_sessions_info, "juliet", "localhost")
    assert (session["resource"], session["status"]) == ("balcony", "away")
    assert await apart(remote.stats, "onlineusers") == 1
    sent = await apart(
        remote.send_message, "chat", "admin@localhost", "juliet@localhost", body="Anon, good nurse!"
    )
    assert sent is True
    assert (await juliet.next()).findtext("{jabber:client}body") == "Anon, good nurse!"
    assert await apart(remote.kick_session, "juliet", "localhost", "balcony", "Too late") is True
    await juliet.closed()


async def test_xmlrpc_rooms(remote: EjabberdAPIClient) -> None:
    assert await apart(remote.create_room, "hall", SERVICE, "localhost") is True
    assert await apart(remote.muc_online_rooms, SERVICE) == [{"room": f"hall@{SERVICE}"}]
    assert await apart(remote.change_room_option, "hall", SERVICE, "title", "The hall") is True
    assert (await apart(remote.get_room_options, "hall", SERVICE))["title"] == "The hall"
    # The package's own function for this calls another command.
    member = {"name": "hall", "service": SERVICE, "jid": "juliet@localhost", "affiliation": "member"}
    assert await apart(remote.server_proxy.set_room_affiliation, remote.auth, member) == {"res": 0}
    (affiliation,) = await apart(remote.get_room_affiliations, "hall", SERVICE)
    assert affiliation["username"] == "juliet"
    assert affiliation["affiliation"] == Affiliation.member
    assert await apart(remote.destroy_room, "hall", SERVICE) is True
    assert await apart(remote.muc_online_rooms, SERVICE) == []


async def test_xmlrpc_refusals(server: Server, remote: EjabberdAPIClient) -> None:
    stranger = EjabberdAPIClient("127.0.0.1", "juliet", "secret", "localhost", port(server))
    with pytest.raises(Exception, match="code: -118"):
        await apart(stranger.registered_users, "localhost")
    with pytest.raises(Exception, match="code: -118"):
        await apart(remote.registered_users, "elsewhere.example")


# ---- REST: EjabberdAPI


@pytest.fixture
def rest(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ejabberdapi.Ejabberd:
    """The administrator; the package reads who that is from a file where the program runs."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "secrets" / "ejabberd_secrets.txt"
    file.parent.mkdir()
    file.write_text(
        f"api_base_url: http://127.0.0.1:{port(server)}\nlocal_vhost: localhost\n"
        "admin_account: admin@localhost\nadmin_pass: secret\n"
    )
    return ejabberdapi.Ejabberd()


async def test_rest_accounts(rest: ejabberdapi.Ejabberd, server: Server) -> None:
    assert await apart(rest.check_account, "nurse", "localhost") is False
    registered = await apart(rest.register, "nurse", "localhost", "angelica")
    assert registered == (True, "User nurse@localhost successfully registered")
    assert await server.hosts["localhost"].authenticator.check_password("nurse", "angelica")
    assert await apart(rest.check_account, "nurse", "localhost") is True
    assert (await apart(rest.register, "nurse", "localhost", "angelica"))[0] is False
    assert await apart(rest.unregister, "nurse", "localhost") == (True, False)
    assert await apart(rest.check_account, "nurse", "localhost") is False


async def test_rest_statistics(rest: ejabberdapi.Ejabberd, server: Server, connect: Connect) -> None:
    await connect("juliet/balcony", to=server)
    stats = await apart(rest.stats)
    assert (stats.registeredusers, stats.onlineusers, stats.onlineusersnode) == (3, 1, 1)
    assert (await apart(rest.status))["hosts"] == ["localhost"]
    session = await apart(rest.user_sessions_info, "juliet", "localhost")
    assert (session.resource, session.ip, session.connection) == ("balcony", "127.0.0.1", "c2s")


async def test_rest_refusals(rest: ejabberdapi.Ejabberd, server: Server) -> None:
    await server.hosts["localhost"].authenticator.set_password("admin", "another")
    with pytest.raises(ejabberdapi.EjabberdUnauthorizedError):
        await apart(rest.status)
