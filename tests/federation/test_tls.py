"""Other ways to TLS, and other certificates."""

from __future__ import annotations

from tests.federation.conftest import Ends, Meet
from tests.federation.table import service

_PAIRS = (
    ("burble", "prosody"),
    ("burble", "ejabberd"),
    ("burble", "burble"),
    ("prosody", "burble"),
    ("ejabberd", "burble"),
)


async def _talk(ends: Ends, meet: Meet) -> None:
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    await juliet.says(romeo.jid, "Art thou not Romeo?")
    await romeo.hears(juliet.jid, "Art thou not Romeo?")
    await romeo.says(juliet.jid, "Neither")
    await juliet.hears(romeo.jid, "Neither")


@service("direct TLS", [(here, f"direct-{there}") for here, there in _PAIRS], ["certificate"])
async def test_one_expects_tls_from_the_first_byte(ends: Ends, meet: Meet) -> None:
    """XEP-0368: its SRV records say so, and there is no other way to it."""
    await _talk(ends, meet)


@service("certificate for servers only", [(f"public-{here}", there) for here, there in _PAIRS])
async def test_one_has_a_certificate_for_servers_only(ends: Ends, meet: Meet) -> None:
    """Public authorities issue no other; in streams it opens, it shows it as a client (XEP-0178).

    Where dialback is allowed as well, it is there for those who do not take such a certificate.
    """
    await _talk(ends, meet)
