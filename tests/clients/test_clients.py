"""Each client, alone: it makes an account, logs in, keeps contacts."""

from __future__ import annotations

import pytest

from tests.clients.conftest import CLIENTS, Meet

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("client", CLIENTS)
async def test_register_then_log_in_with_starttls(meet: Meet, client: str) -> None:
    """XEP-0077, then STARTTLS, SCRAM and binding (RFC 6120 §5 to §7)."""
    user = await meet(client, "juliet")

    assert await user.roster() == {}


@pytest.mark.parametrize("client", CLIENTS)
async def test_log_in_with_direct_tls(meet: Meet, client: str) -> None:
    """XEP-0368: the port that starts with TLS."""
    user = await meet(client, "juliet", direct_tls=True)

    assert await user.roster() == {}


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_contact_is_there_after_the_next_login(meet: Meet, client: str) -> None:
    """RFC 6121 §2.1.6, §2.2: a push follows the change, and the roster outlives the session."""
    user = await meet(client, "juliet")
    await user.add("romeo@localhost", "Romeo")
    await user.log_out()

    await user.log_in()

    assert await user.roster() == {"romeo@localhost": "none"}
