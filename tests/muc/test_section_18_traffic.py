"""What rooms and the service say they can do (XEP-0045 §16.3, §18.1.1; XEP-0424 §2)."""

from __future__ import annotations

from tests.muc.stage import COVEN, INFO, SERVICE, Stage, refusal

TRAFFIC = (
    "<query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/muc#traffic'/>"
)


async def test_no_extension_is_kept_from_occupants(stage: Stage) -> None:
    """§18.1.1: the error says that a room discards nothing."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    assert refusal(await crone1.ask("get", TRAFFIC, COVEN)) == "cancel service-unavailable"


async def test_tombstones_are_announced(stage: Stage) -> None:
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    for to in (COVEN, SERVICE):
        answer = await crone1.ask("get", f"<query xmlns='{INFO[1:-1]}'/>", to)
        features = {feature.get("var") for feature in answer.iter(f"{INFO}feature")}
        assert "urn:xmpp:message-retract:1#tombstone" in features
