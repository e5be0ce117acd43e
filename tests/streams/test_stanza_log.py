"""The log of stanzas: it tells of them and leaves them as they are."""

from __future__ import annotations

import logging

import pytest

from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Serve


async def test_a_logged_stanza_arrives_like_any_other(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An address that must be prepared is replaced, not written a second time (RFC 7622, XML 1.0 §3.1)."""
    caplog.set_level(logging.DEBUG, "burble")
    server = await serve(log={"level": "debug", "stanzas": True})
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    juliet = await ScriptedClient(port_of(server)).connect()
    romeo = await ScriptedClient(port_of(server)).connect()
    await juliet.login("juliet", resource="balcony")
    await romeo.login("romeo", resource="orchard")

    romeo.write("<message to='JULIET@localhost/balcony' type='chat'><body>soft!</body></message>")
    message = await juliet.find(lambda e: e.tag == f"{CLIENT}message")

    assert message.get("to") == "juliet@localhost/balcony"
    assert "to='JULIET@localhost/balcony'" in caplog.text
    await juliet.close()
    await romeo.close()


async def test_the_log_keeps_no_password(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Credentials are blanked, those of SASL and those of a registration (XEP-0077)."""
    caplog.set_level(logging.DEBUG, "burble")
    server = await serve(log={"level": "debug", "stanzas": True})
    juliet = await ScriptedClient(port_of(server)).connect()
    await juliet.open()
    fields = "<username>juliet</username><password>o-happy-dagger</password>"
    await juliet.ask("set", f"<query xmlns='jabber:iq:register'>{fields}</query>")
    await juliet.authenticate("juliet", "o-happy-dagger")

    assert "jabber:iq:register" in caplog.text
    assert "mechanism='PLAIN'" in caplog.text
    assert "o-happy-dagger" not in caplog.text
    assert "AGp1bGlldABvLWhhcHB5LWRhZ2dlcg" not in caplog.text  # the same in base64
    await juliet.close()
