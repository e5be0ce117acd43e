"""The commands that add and remove hosts: at once, for good, and without touching the settings file."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burble.config import ConfigError
from burble.config.added import FILE_NAME
from burble.module import CommandFailed
from burble.server import Server
from burble.testing import port_of, serving, settings
from burble.tls import self_signed
from tests.client import ScriptedClient, condition
from tests.commands.calling import call

GARDEN = "garden.example"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "data") as server:
        yield server


async def log_in(server: Server, user: str, host: str) -> ScriptedClient:
    return await (await ScriptedClient(port_of(server), host).connect()).login(user)


async def shown(server: Server, name: str) -> str:
    """The fingerprint of the certificate that a client is shown who asks for a host."""
    client = await ScriptedClient(port_of(server), name).connect()
    await client.open()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    await client.start_tls(context)
    certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await client.close()
    return str(hash(bytes(certificate)))


async def test_a_host_that_is_added_has_all_that_others_have(server: Server) -> None:
    assert await call(server, "add_host", GARDEN) == []
    assert await call(server, "registered_vhosts") == ["localhost", GARDEN]
    await call(server, "register", "rose", GARDEN, "secret")
    rose = await log_in(server, "rose", GARDEN)
    assert (await rose.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)).get("type") == "result"
    items = await rose.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", GARDEN)
    assert f"conference.{GARDEN}" in [item.get("jid") for item in items[0]]
    assert await call(server, "remove_host", GARDEN) == []
    assert condition((await rose.closed())[-1]) == "host-gone"
    await rose.close()
    assert await call(server, "registered_vhosts") == ["localhost"]


async def test_its_administrators_have_its_commands(server: Server) -> None:
    """By ad-hoc commands (XEP-0050), and not those of other hosts."""
    await call(server, "add_host", GARDEN, '{"admins": ["rose@garden.example"]}')
    await call(server, "register", "rose", GARDEN, "secret")
    rose = await log_in(server, "rose", GARDEN)
    query = (
        "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>"
    )
    found = {target: len((await rose.ask("get", query, target))[0]) for target in (GARDEN, "localhost")}
    assert found[GARDEN] > found["localhost"]
    await rose.close()


async def test_it_outlives_restarts_and_reloads(tmp_path: Path) -> None:
    own = {
        "admins": [f"rose@{GARDEN}"],
        "limits": {"rate": 20_000},
        "modules": {"disable": ["announce"], "muc": {"max_rooms": 7}},
    }
    async with serving(tmp_path) as server:
        await call(server, "add_host", GARDEN, json.dumps(own))
    async with serving(tmp_path) as server:
        for _ in range(2):
            host = server.hosts[GARDEN]
            assert host.settings.admins == [f"rose@{GARDEN}"]
            assert host.settings.limits.rate == 20_000
            assert "announce" not in host.modules
            assert await call(server, "get_host_settings", GARDEN) == own
            await server.reload(settings(tmp_path))
        await call(server, "remove_host", GARDEN)
        assert not (tmp_path / FILE_NAME).exists()
    async with serving(tmp_path) as server:
        assert list(server.hosts) == ["localhost"]


async def test_a_host_is_changed_in_place(server: Server) -> None:
    await call(server, "add_host", GARDEN, '{"limits": {"elements": 50}}')
    await call(server, "register", "rose", GARDEN, "secret")
    rose = await log_in(server, "rose", GARDEN)
    assert await call(server, "change_host", GARDEN, '{"admins": ["rose@garden.example"]}') == []
    await rose.sync()
    assert server.hosts[GARDEN].settings.limits.elements == 10_000
    assert server.hosts[GARDEN].settings.admins == [f"rose@{GARDEN}"]
    await rose.close()


async def test_each_has_a_certificate_of_its_own(server: Server, tmp_path: Path) -> None:
    """What others show stays the same; a certificate that is given is shown from then on."""
    before = await shown(server, "localhost")
    await call(server, "add_host", GARDEN)
    first = await shown(server, GARDEN)
    assert (await shown(server, "localhost"), first != before) == (before, True)
    files = self_signed(tmp_path / "given", [GARDEN])
    own = {"tls": {"certificate": str(files.certificate), "key": str(files.key)}}
    await call(server, "change_host", GARDEN, json.dumps(own))
    assert await shown(server, GARDEN) not in (first, before)
    hosts = await call(server, "list_hosts")
    assert [(each.host, each.origin) for each in hosts] == [("localhost", "settings"), (GARDEN, "command")]
    assert hosts[1].certificate == str(files.certificate)
    await call(server, "remove_host", GARDEN)
    assert list((server.settings.data_dir / "self-signed").iterdir()) == []


WRONG = [
    ('{"admin": []}', 'admin: unknown key; did you mean "admins"'),
    ('{"limits": {"rate": "fast"}}', "limits.rate: expected a whole number"),
    ('{"modules": {"mcu": {}}}', "there is no module 'mcu'"),
    ('{"modules": {"muc": {"max_ocupants": 7}}}', r"muc.max_ocupants: unknown key"),
    ('{"auth": {"method": "http"}}', "auth.http.url: method = "),
    ('{"tls": {"certificate": "no.pem", "key": "no.pem"}}', "cannot read .*data/no.pem"),
]


@pytest.mark.parametrize(("own", "reason"), WRONG, ids=[reason[:20] for _, reason in WRONG])
async def test_settings_that_are_wrong_change_nothing(server: Server, own: str, reason: str) -> None:
    with pytest.raises(CommandFailed, match=reason):
        await call(server, "add_host", GARDEN, own)
    assert list(server.hosts) == ["localhost"]
    assert not (server.settings.data_dir / FILE_NAME).exists()


async def test_what_can_not_be_added_changed_or_removed(server: Server) -> None:
    refused: list[tuple[list[str], str]] = [
        (["add_host", "localhost"], "localhost is served already"),
        (["add_host", "conference.localhost"], "served already, as a service"),
        (["add_host", "not a domain"], "expected a domain name"),
        (["remove_host", "localhost"], "comes from the settings file: take it out there, then reload"),
        (["change_host", "localhost", "{}"], "comes from the settings file: change it there"),
        (["remove_host", "elsewhere.example"], "elsewhere.example is not served here"),
    ]
    for words, reason in refused:
        with pytest.raises(CommandFailed, match=reason):
            await call(server, *words)
    assert list(server.hosts) == ["localhost"]


async def test_the_settings_file_wins(server: Server) -> None:
    """A host that is added and later named by the settings file is as they say."""
    await call(server, "add_host", GARDEN, '{"admins": ["rose@garden.example"]}')
    await server.reload(settings(server.settings.data_dir, hosts=["localhost", GARDEN]))
    assert server.hosts[GARDEN].settings.admins == []
    with pytest.raises(CommandFailed, match="comes from the settings file"):
        await call(server, "remove_host", GARDEN)
    await server.reload(settings(server.settings.data_dir))
    assert server.hosts[GARDEN].settings.admins == [f"rose@{GARDEN}"]


async def test_a_damaged_file_says_where(server: Server) -> None:
    (server.settings.data_dir / FILE_NAME).write_text('[host."garden.example"]\nadmins = "rose"\n')
    with pytest.raises(ConfigError, match=r"hosts.toml:2: host.\"garden.example\".admins: expected a list"):
        await server.reload(settings(server.settings.data_dir))
    assert list(server.hosts) == ["localhost"]


async def test_its_settings_do_not_reach_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """There may be the password of an authentication service in them."""
    service = {"url": "http://127.0.0.1:9/", "authorization": "Bearer s3cr3t"}
    own = {"auth": {"method": "http", "mechanisms": ["PLAIN"], "http": service}}
    with caplog.at_level("DEBUG"):
        await call(server, "add_host", GARDEN, json.dumps(own))
    assert "s3cr3t" not in caplog.text
    assert (server.settings.data_dir / FILE_NAME).stat().st_mode & 0o077 == 0
